//! Lets the steps of a history happen through the API, and the oracle's model of it beside.

use std::collections::{HashMap, HashSet};

use engine::Limits;
use engine::operation::Method;
use oracle::{
    Action, FieldPrivacy, Member, Model, Object, PEOPLE, Privacy, Role, Step, Verdict, Visibility, WORKSPACES,
};
use resources::workspace::Role as MadeRole;
use resources::{RESOURCES, missing, project, team, user, workspace};
use serde_json::{Value as Json, json};
use store::Type;
use testkit::{Answer, Client, Engine, World};

/// Something that is not as the oracle says.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What was asked, in the oracle's names: the same question can be asked after a shorter history.
    pub question: String,
    /// What came of it.
    pub what: String,
}

/// A world and the model of it.
pub struct Play {
    pub world: World,
    pub model: Model,
    pub clients: Vec<Client>,
    gids: HashMap<Object, i64>,
    objects: HashMap<i64, Object>,
    /// Lines that the system wrote, and their tasks.
    pub stories: HashMap<i64, usize>,
    /// What has a gid and is no object of its own: likes.
    plain: HashSet<i64>,
}

impl Play {
    /// A database for many plays.
    pub async fn world(engine: Engine) -> World {
        World::new(engine, RESOURCES, missing::MISSING, Limits::default()).await
    }

    /// The workspaces and the people, who know nothing of other plays in the same database.
    pub async fn begin(world: &World) -> Play {
        let world = world.clone();
        let model = Model::default();
        let roles: Vec<_> = model.people.iter().map(|person| person.roles).collect();
        let (workspaces, people) = world
            .write(move |call| {
                let mut workspaces = Vec::new();
                for at in 0..WORKSPACES {
                    workspaces.push(workspace::create_workspace(call, &Object::Workspace(at).name(), true)?);
                }
                let mut people = Vec::new();
                for (at, roles) in roles.iter().enumerate() {
                    let name = Object::Person(at).name();
                    let email = format!("person{at}@play{}.example", workspaces[0] % 1_000_000);
                    let user = user::create_user(call, &name, &email, None)?;
                    people.push(user);
                    for (workspace, role) in workspaces.iter().zip(roles) {
                        let role = match role {
                            Some(Role::Admin) => MadeRole::Admin,
                            Some(Role::Member) => MadeRole::Member,
                            Some(Role::Guest) => MadeRole::Guest,
                            None => continue,
                        };
                        workspace::add_member(call, *workspace, user, role)?;
                    }
                }
                Ok((workspaces, people))
            })
            .await;
        let mut play = Play {
            clients: Vec::new(),
            model,
            gids: HashMap::new(),
            objects: HashMap::new(),
            stories: HashMap::new(),
            plain: HashSet::new(),
            world,
        };
        workspaces.iter().enumerate().for_each(|(at, gid)| play.learn(Object::Workspace(at), *gid));
        for (at, gid) in people.into_iter().enumerate() {
            play.learn(Object::Person(at), gid);
            play.clients.push(play.world.client(gid).await);
        }
        assert_eq!(play.clients.len(), PEOPLE);
        play
    }

    fn learn(&mut self, object: Object, gid: i64) {
        self.gids.insert(object, gid);
        self.objects.insert(gid, object);
    }

    fn learn_from(&mut self, object: Object, record: &Json) {
        self.learn(object, record["gid"].as_str().and_then(|gid| gid.parse().ok()).expect("a record with a gid"));
    }

    pub fn gid(&self, object: Object) -> String {
        self.gids[&object].to_string()
    }

    /// A path in which `<Task(3)>` stands for a gid.
    pub fn real(&self, path: &str) -> String {
        let mut real = String::new();
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('<') {
            let (name, after) = after.split_once('>').expect("a closed name");
            let gid = self.gids.iter().find(|(object, _)| format!("{object:?}") == name);
            real.push_str(before);
            real.push_str(&gid.map_or_else(|| panic!("{name} is not known"), |(_, gid)| gid.to_string()));
            rest = after;
        }
        real + rest
    }

    /// What a gid stands for.
    pub fn object(&self, gid: i64) -> Option<Object> {
        self.objects.get(&gid).copied().or_else(|| self.stories.get(&gid).map(|task| Object::Task(*task)))
    }

    /// Lets one step happen.
    pub async fn step(&mut self, step: &Step) -> Vec<Finding> {
        let mut after = self.model.clone();
        let verdict = after.apply(step);
        if verdict == Verdict::Skipped {
            return Vec::new();
        }
        if step.action.is_beside_the_api() {
            if verdict == Verdict::Done {
                self.administer(step).await;
                self.model = after;
            }
            return Vec::new();
        }
        let (method, path, body) = self.request(&step.action, step.number);
        let client = &self.clients[step.by];
        let real = self.real(&path);
        let text = json!({ "data": body }).to_string();
        let answer = match method {
            Method::Delete => client.delete(&real).await,
            _ => client.send(method, &real, text.as_bytes(), Some("application/json")).await,
        };
        let status = answer.response.status;
        let fits = match &verdict {
            Verdict::Refused(statuses) => statuses.contains(&status),
            _ => status == 200 || status == 201,
        };
        let question = format!("step {}: {} {path} by {}", step.number, method.name(), step.by);
        if !fits {
            let what = format!("{verdict:?} was expected of {:?}: {}", step.action, answer.json);
            return vec![Finding { question, what }];
        }
        if verdict == Verdict::Done {
            self.model = after;
            self.made(step, &answer).await;
        }
        // What was named may be named again: who gives a task away still gets the answer.
        let named: Vec<String> = step.action.needs().into_iter().map(Object::name).collect();
        let leaks = self.leaks(step.by, &answer, &format!("{real} {text} {}", named.join(" ")), false);
        leaks.map(|what| Finding { question, what }).into_iter().collect()
    }

    /// What the machine's administrator does.
    async fn administer(&mut self, step: &Step) {
        let number = step.number;
        let gid = |object: Object| self.gids[&object];
        match step.action.clone() {
            Action::NewTeam { workspace, visibility } => {
                let home = gid(Object::Workspace(workspace));
                let visibility = match visibility {
                    Visibility::Secret => "secret",
                    Visibility::RequestToJoin => "request_to_join",
                    Visibility::Public => "public",
                };
                let name = Object::Team(number).name();
                let made = self.world.write(move |call| team::create_team(call, home, &name, visibility)).await;
                self.learn(Object::Team(number), made);
            }
            Action::JoinTeam { team, person } => {
                let home = gid(Object::Workspace(self.model.teams[&team].workspace));
                let (team, person) = (gid(Object::Team(team)), gid(Object::Person(person)));
                self.world.write(move |call| team::add_member(call, home, team, person, false)).await;
            }
            Action::LeaveTeam { team, person } => {
                let (team, person) = (gid(Object::Team(team)), gid(Object::Person(person)));
                self.world.write(move |call| team::remove_member(call, team, person)).await;
            }
            Action::Share { project, member, level } => {
                let project = gid(Object::Project(project));
                let member = gid(match member {
                    Member::Person(person) => Object::Person(person),
                    Member::Team(team) => Object::Team(team),
                });
                let level = model::Level::from_name(level.name()).expect("a level");
                self.world
                    .write(move |call| {
                        // In place of what the member had before.
                        let parameters = [project.into(), member.into()];
                        call.execute(
                            "DELETE FROM project_memberships WHERE project_id = ?1 AND member_id = ?2",
                            &parameters,
                        )?;
                        project::Facts::of(call, project)?.add_member(call, member, level)?;
                        project::set_grants(call, project)
                    })
                    .await;
            }
            other => unreachable!("{other:?} goes through the API"),
        }
    }

    fn request(&self, action: &Action, number: usize) -> (Method, String, Json) {
        use Object::{Comment, Field, Person, Project, Section, Tag, Task, Team, Workspace};
        let at = |object: Object| format!("<{object:?}>");
        let gid = |object: Object| json!(self.gid(object));
        let people = |people: &[usize]| people.iter().map(|person| gid(Person(*person))).collect::<Json>();
        let post = |path: String, body: Json| (Method::Post, path, body);
        let put = |path: String, body: Json| (Method::Put, path, body);
        let delete = |path: String| (Method::Delete, path, Json::Null);
        let on_task = |task: usize, action: &str| format!("/tasks/{}/{action}", at(Task(task)));
        let on_project = |project: usize, action: &str| format!("/projects/{}/{action}", at(Project(project)));
        match action.clone() {
            Action::NewProject { workspace, team, privacy, default, members } => {
                let name = Project(number).name();
                let mut body = json!({
                    "name": name, "notes": format!("About {name}"), "privacy_setting": privacy_name(privacy),
                    "default_access_level": default.name(), "members": people(&members),
                });
                match team {
                    Some(team) => body["team"] = gid(Team(team)),
                    None => body["workspace"] = gid(Workspace(workspace)),
                }
                post("/projects".into(), body)
            }
            Action::SetPrivacy { project, privacy } => {
                put(format!("/projects/{}", at(Project(project))), json!({"privacy_setting": privacy_name(privacy)}))
            }
            Action::SetDefault { project, level } => {
                put(format!("/projects/{}", at(Project(project))), json!({"default_access_level": level.name()}))
            }
            Action::SetSharing { project, level } => {
                let body = json!({"minimum_access_level_for_sharing": level.name()});
                put(format!("/projects/{}", at(Project(project))), body)
            }
            Action::SetTeam { project, team } => {
                let body = json!({"team": team.map(|team| gid(Team(team)))});
                put(format!("/projects/{}", at(Project(project))), body)
            }
            Action::AddMembers { project, people: members } => {
                post(on_project(project, "addMembers"), json!({"members": people(&members)}))
            }
            Action::RemoveMembers { project, people: members } => {
                post(on_project(project, "removeMembers"), json!({"members": people(&members)}))
            }
            Action::NewMembership { project, member, level } => {
                let member = match member {
                    Member::Person(person) => Person(person),
                    Member::Team(team) => Team(team),
                };
                let mut body = json!({"parent": gid(Project(project)), "member": gid(member)});
                if let Some(level) = level {
                    body["access_level"] = json!(level.name());
                }
                post("/memberships".into(), body)
            }
            Action::AddToTeam { team, person } => {
                post(format!("/teams/{}/addUser", at(Team(team))), json!({"user": gid(Person(person))}))
            }
            Action::RemoveFromTeam { team, person } => {
                post(format!("/teams/{}/removeUser", at(Team(team))), json!({"user": gid(Person(person))}))
            }
            Action::Invite { workspace, person } => {
                let address = format!("person{person}@play{}.example", self.gids[&Workspace(0)] % 1_000_000);
                post(format!("/workspaces/{}/addUser", at(Workspace(workspace))), json!({"user": address}))
            }
            Action::Dismiss { workspace, person } => post(
                format!("/workspaces/{}/removeUser", at(Workspace(workspace))),
                json!({"user": gid(Person(person))}),
            ),
            Action::DeleteProject { project } => delete(format!("/projects/{}", at(Project(project)))),
            Action::NewSection { project } => {
                post(on_project(project, "sections"), json!({"name": Section(number).name()}))
            }
            Action::DeleteSection { section } => delete(format!("/sections/{}", at(Section(section)))),
            Action::NewTask { workspace, projects, parent, assignee, followers, tags } => {
                let name = Task(number).name();
                let mut body = json!({"name": name, "notes": format!("About {name}")});
                let bare = projects.iter().filter(|(_, section)| section.is_none());
                body["projects"] = bare.map(|(project, _)| gid(Project(*project))).collect();
                let placed = projects.iter().filter_map(|(project, section)| {
                    Some(json!({"project": gid(Project(*project)), "section": gid(Section((*section)?))}))
                });
                body["memberships"] = placed.collect();
                body["followers"] = people(&followers);
                body["tags"] = tags.iter().map(|tag| gid(Tag(*tag))).collect();
                let single = [
                    ("workspace", workspace.map(Workspace)),
                    ("parent", parent.map(Task)),
                    ("assignee", assignee.map(Person)),
                ];
                for (property, object) in single {
                    if let Some(object) = object {
                        body[property] = gid(object);
                    }
                }
                post("/tasks".into(), body)
            }
            Action::AddProject { task, project, section } => {
                let mut body = json!({"project": gid(Project(project))});
                if let Some(section) = section {
                    body["section"] = gid(Section(section));
                }
                post(on_task(task, "addProject"), body)
            }
            Action::RemoveProject { task, project } => {
                post(on_task(task, "removeProject"), json!({"project": gid(Project(project))}))
            }
            Action::AddToSection { section, task } => {
                post(format!("/sections/{}/addTask", at(Section(section))), json!({"task": gid(Task(task))}))
            }
            Action::Assign { task, person } => {
                let body = json!({"assignee": person.map(|person| gid(Person(person)))});
                put(format!("/tasks/{}", at(Task(task))), body)
            }
            Action::Follow { task, people: followers } => {
                post(on_task(task, "addFollowers"), json!({"followers": people(&followers)}))
            }
            Action::Unfollow { task, people: followers } => {
                post(on_task(task, "removeFollowers"), json!({"followers": people(&followers)}))
            }
            Action::SetParent { task, parent } => {
                post(on_task(task, "setParent"), json!({"parent": parent.map(|parent| gid(Task(parent)))}))
            }
            Action::AddDependency { task, on } => {
                post(on_task(task, "addDependencies"), json!({"dependencies": [gid(Task(on))]}))
            }
            Action::AddDependent { task, waiting } => {
                post(on_task(task, "addDependents"), json!({"dependents": [gid(Task(waiting))]}))
            }
            Action::RemoveDependency { task, on } => {
                post(on_task(task, "removeDependencies"), json!({"dependencies": [gid(Task(on))]}))
            }
            Action::Rename { task } => {
                put(format!("/tasks/{}", at(Task(task))), json!({"name": format!("{} again", Task(task).name())}))
            }
            Action::Like { task } => put(format!("/tasks/{}", at(Task(task))), json!({"liked": true})),
            Action::DeleteTask { task } => delete(format!("/tasks/{}", at(Task(task)))),
            Action::NewComment { task } => post(on_task(task, "stories"), json!({"text": Comment(number).name()})),
            Action::EditComment { comment } => {
                let text = format!("{} again", Comment(comment).name());
                put(format!("/stories/{}", at(Comment(comment))), json!({"text": text}))
            }
            Action::DeleteComment { comment } => delete(format!("/stories/{}", at(Comment(comment)))),
            Action::NewTag { workspace } => {
                post("/tags".into(), json!({"workspace": gid(Workspace(workspace)), "name": Tag(number).name()}))
            }
            Action::AddTag { task, tag } => post(on_task(task, "addTag"), json!({"tag": gid(Tag(tag))})),
            Action::RemoveTag { task, tag } => post(on_task(task, "removeTag"), json!({"tag": gid(Tag(tag))})),
            Action::DeleteTag { tag } => delete(format!("/tags/{}", at(Tag(tag)))),
            Action::NewField { workspace, choosing, privacy, access } => {
                let mut body = json!({
                    "workspace": gid(Workspace(workspace)), "name": Field(number).name(),
                    "resource_subtype": if choosing { "enum" } else { "text" },
                    "privacy_setting": field_privacy_name(privacy),
                    "default_access_level": match access.name() { "viewer" => "user", other => other },
                });
                if choosing {
                    body["enum_options"] = json!([{"name": Object::Choice(number).name()}]);
                }
                post("/custom_fields".into(), body)
            }
            Action::SetFieldPrivacy { field, privacy } => {
                let body = json!({"privacy_setting": field_privacy_name(privacy)});
                put(format!("/custom_fields/{}", at(Field(field))), body)
            }
            Action::AddSetting { project, field } => {
                post(on_project(project, "addCustomFieldSetting"), json!({"custom_field": gid(Field(field))}))
            }
            Action::RemoveSetting { project, field } => {
                post(on_project(project, "removeCustomFieldSetting"), json!({"custom_field": gid(Field(field))}))
            }
            Action::SetValue { task, field } => {
                let value = match self.model.fields[&field].choosing {
                    true => gid(Object::Choice(field)),
                    false => json!(Object::Value { task, field }.name()),
                };
                let body = json!({"custom_fields": {self.gid(Field(field)): value}});
                put(format!("/tasks/{}", at(Task(task))), body)
            }
            Action::DeleteField { field } => delete(format!("/custom_fields/{}", at(Field(field)))),
            Action::NewTeam { .. } | Action::JoinTeam { .. } | Action::LeaveTeam { .. } | Action::Share { .. } => {
                unreachable!("goes beside the API")
            }
        }
    }

    /// Learns the gids of what a step has made.
    async fn made(&mut self, step: &Step, answer: &Answer) {
        let (number, data) = (step.number, &answer.json["data"]);
        match &step.action {
            Action::NewProject { .. } => {
                self.learn_from(Object::Project(number), data);
                // It begins with a section, which gets a name like all.
                let client = &self.clients[step.by];
                let sections = client.get(&self.real(&format!("/projects/<Project({number})>/sections"))).await.ok();
                self.learn_from(Object::Section(number), &sections[0]);
                let path = self.real(&format!("/sections/<Section({number})>"));
                self.clients[step.by].put(&path, json!({"name": Object::Section(number).name()})).await.ok();
            }
            Action::NewSection { .. } => self.learn_from(Object::Section(number), data),
            Action::NewTask { .. } => self.learn_from(Object::Task(number), data),
            Action::NewComment { .. } => self.learn_from(Object::Comment(number), data),
            Action::NewTag { .. } => self.learn_from(Object::Tag(number), data),
            Action::NewField { choosing, .. } => {
                self.learn_from(Object::Field(number), data);
                if *choosing {
                    self.learn_from(Object::Choice(number), &data["enum_options"][0]);
                }
            }
            Action::AddSetting { .. } => self.learn_from(Object::Setting(number), data),
            _ => {}
        }
    }

    /// Learns the gids that nobody was told: of the system's stories and of likes.
    pub async fn learn_the_rest(&mut self) {
        // Gids ascend: those of this play come after its first workspace's.
        let first = self.gids[&Object::Workspace(0)];
        let (stories, plain, lists) = self
            .world
            .write(move |call| {
                let types = [Type::Int, Type::Int];
                let sql = "SELECT gid, target_id FROM stories WHERE type = 'system' AND gid > ?1";
                let block = call.query(sql, &types, &[first.into()])?;
                let stories: Vec<(i64, i64)> = (0..block.len())
                    .map(|row| (block.int(row, 0).unwrap_or_default(), block.int(row, 1).unwrap_or_default()))
                    .collect();
                let mut plain = Vec::new();
                for table in ["task_likes", "workspace_memberships", "team_memberships", "project_memberships"] {
                    plain.extend(call.numbers(&format!("SELECT gid FROM {table} WHERE gid > ?1"), &[first.into()])?);
                }
                let sql = "SELECT gid, workspace_id, owner_id FROM user_task_lists WHERE gid > ?1";
                let block = call.query(sql, &[Type::Int, Type::Int, Type::Int], &[first.into()])?;
                let lists: Vec<[i64; 3]> = (0..block.len())
                    .map(|row| [0, 1, 2].map(|column| block.int(row, column).unwrap_or_default()))
                    .collect();
                Ok((stories, plain, lists))
            })
            .await;
        for [list, workspace, owner] in lists {
            if let (Some(Object::Workspace(workspace)), Some(Object::Person(person))) =
                (self.objects.get(&workspace).copied(), self.objects.get(&owner).copied())
            {
                self.learn(Object::TaskList { workspace, person }, list);
            }
        }
        for (story, task) in stories {
            if let Some(Object::Task(task)) = self.objects.get(&task) {
                self.stories.insert(story, *task);
            }
        }
        self.plain.extend(plain);
    }

    /// What an answer shows that its reader may not see. What was `asked` may be repeated.
    pub fn leaks(&self, person: usize, answer: &Answer, asked: &str, all_known: bool) -> Option<String> {
        let text = String::from_utf8_lossy(&answer.response.body);
        for gid in gids_in(&text) {
            let shown = match self.object(gid) {
                _ if asked.contains(&gid.to_string()) => continue,
                Some(Object::Person(_)) => continue,
                Some(object) if self.model.sees(person, object) => continue,
                Some(object) => format!("{object:?} {gid}"),
                None if !all_known || self.plain.contains(&gid) => continue,
                None => format!("unknown {gid}"),
            };
            return Some(format!("the gid of {shown} is in {text}"));
        }
        let hidden = oracle::names_in(&text)
            .into_iter()
            .find(|object| !asked.contains(&object.name()) && !self.model.sees(person, *object));
        hidden.map(|object| format!("the name of {object:?} is in {text}"))
    }
}

/// The numbers in a text that are as long as gids are.
fn gids_in(text: &str) -> impl Iterator<Item = i64> {
    text.split(|letter: char| !letter.is_ascii_digit())
        .filter(|number| number.len() == 16)
        .filter_map(|n| n.parse().ok())
}

fn privacy_name(privacy: Privacy) -> &'static str {
    match privacy {
        Privacy::Public => "public_to_workspace",
        Privacy::Team => "private_to_team",
        Privacy::Private => "private",
    }
}

fn field_privacy_name(privacy: FieldPrivacy) -> &'static str {
    match privacy {
        FieldPrivacy::PublicWithGuests => "public_with_guests",
        FieldPrivacy::Public => "public",
        FieldPrivacy::Private => "private",
    }
}
