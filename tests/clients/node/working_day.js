// A working day with the official client for Node.js. What is expected comes from the published description of the API
// and from recorded answers, not from this server.
"use strict";

const assert = require("assert").strict;
const fs = require("fs");
const os = require("os");
const path = require("path");
const Asana = require("asana");

const { TOKEN, WORKSPACE_GID: workspace, TEAM_GID: team, USER_GID: user } = process.env;

// A gid that no object has.
const NOBODY = "1206761664935512";

const api = {};
for (const name of [
    "Attachments", "CustomFieldSettings", "CustomFields", "Memberships", "ProjectMemberships", "ProjectStatuses", "Projects",
    "Reactions", "Sections", "StatusUpdates", "Stories", "Tags", "Tasks", "TeamMemberships", "Teams", "UserTaskLists",
    "Users", "WorkspaceMemberships", "Workspaces",
]) {
    api[name] = new Asana[`${name}Api`]();
}

const data = (members) => ({ data: members });
const gids = (records) => records.map((record) => record.gid);
const names = (records) => records.map((record) => record.name);
const me = { gid: user, name: "Mira Okafor", resource_type: "user" };

/** All pages of a list, as the client walks them. */
async function all(page) {
    const records = [];
    for (; page.data; page = await page.nextPage()) {
        records.push(...page.data);
    }
    return records;
}

/** The call fails with this status and message, in the shape that every error has. */
async function refused(status, message, call) {
    const error = await call.then(() => assert.fail(`not refused: ${message}`), (error) => error);
    assert.equal(error.status, status, String(error));
    const { errors } = error.response.body;
    assert.equal(errors.length, 1);
    assert.equal(errors[0].message, message);
    assert.ok(errors[0].help);
}

describe("a working day", function () {
    let project, doing, done, task, subtask, tag, field, comment;

    before(function () {
        Asana.ApiClient.instance.authentications.token.accessToken = TOKEN;
    });

    it("begins with who one is", async function () {
        const { data: mine } = await api.Users.getUser("me", {});
        assert.deepEqual(Object.keys(mine).sort(), ["email", "gid", "name", "photo", "resource_type", "workspaces"]);
        assert.deepEqual([mine.gid, mine.email], [user, "mira@halcyon.example"]);
        assert.deepEqual(mine.workspaces, [
            { gid: workspace, name: "Halcyon Instruments", resource_type: "workspace" },
        ]);
        assert.ok(gids((await api.Users.getUsers({ workspace })).data).includes(user));
        assert.ok(gids((await api.Users.getUsersForWorkspace(workspace)).data).includes(user));
        assert.ok(gids((await api.Users.getUsersForTeam(team)).data).includes(user));
    });

    it("and where", async function () {
        assert.deepEqual(gids((await api.Workspaces.getWorkspaces({ limit: 10 })).data), [workspace]);
        const { data: mine } = await api.Workspaces.getWorkspace(workspace);
        assert.equal(mine.is_organization, true);
        assert.ok(gids((await api.Teams.getTeamsForWorkspace(workspace, {})).data).includes(team));
        assert.ok(gids((await api.Teams.getTeamsForUser("me", workspace, {})).data).includes(team));
        const { data: memberships } = await api.WorkspaceMemberships.getWorkspaceMembershipsForUser("me", {});
        assert.deepEqual(gids(memberships.map((membership) => membership.workspace)), [workspace]);
        const { data: teams } = await api.TeamMemberships.getTeamMembershipsForTeam(team, {});
        assert.ok(gids(teams.map((membership) => membership.user)).includes(user));
    });

    it("makes a project", async function () {
        // `public` is a reserved word: the client wants it as `_public`, and an organization refuses it.
        await refused(400, "public: Cannot write this property", api.Projects.createProject(
            data({ name: "Spring fair", team, _public: true }), {},
        ));
        const made = await api.Projects.createProject(data({ name: "Spring fair", team, color: "dark-teal" }), {});
        project = made.data.gid;
        assert.deepEqual(made.data.owner, me);
        assert.equal(made.data.team.gid, team);
        const { data: read } = await api.Projects.getProject(project, { opt_fields: "name,color,owner.name" });
        assert.deepEqual(read, {
            gid: project, color: "dark-teal", name: "Spring fair", owner: { gid: user, name: "Mira Okafor" },
        });
        const changed = await api.Projects.updateProject(data({ notes: "Booth 12", due_on: "2027-03-01" }), project, {});
        assert.deepEqual([changed.data.notes, changed.data.due_on], ["Booth 12", "2027-03-01"]);
        for (const list of [
            api.Projects.getProjects({ workspace, archived: false }),
            api.Projects.getProjectsForTeam(team, {}),
            api.Projects.getProjectsForWorkspace(workspace, {}),
        ]) {
            assert.ok(gids(await all(await list)).includes(project));
        }
    });

    it("and its sections", async function () {
        doing = (await api.Sections.createSectionForProject(project, { body: data({ name: "Doing" }) })).data.gid;
        done = (await api.Sections.createSectionForProject(project, { body: data({ name: "Done" }) })).data.gid;
        const moved = await api.Sections.insertSectionForProject(project, {
            body: data({ section: done, before_section: doing }),
        });
        assert.deepEqual(moved.data, {});
        const order = async () => gids((await api.Sections.getSectionsForProject(project, {})).data);
        assert.deepEqual((await order()).slice(1), [done, doing]);
        await api.Sections.insertSectionForProject(project, { body: data({ section: done, after_section: doing }) });
        assert.deepEqual((await order()).slice(1), [doing, done]);
        const renamed = await api.Sections.updateSection(doing, { body: data({ name: "In work" }) });
        assert.equal(renamed.data.name, "In work");
        assert.equal((await api.Sections.getSection(doing, {})).data.project.gid, project);
    });

    it("makes tasks, with everything", async function () {
        const made = await api.Tasks.createTask(data({
            name: "Print the banner – 2 m ‘wide’ 🌿",
            html_notes: "<body>On <strong>cloth</strong></body>",
            assignee: "me",
            due_on: "2027-02-10",
            memberships: [{ project, section: doing }],
        }), {});
        task = made.data.gid;
        assert.equal(made.data.name, "Print the banner – 2 m ‘wide’ 🌿");
        assert.deepEqual(made.data.assignee, me);
        const { data: read } = await api.Tasks.getTask(task, {
            opt_fields: "notes,html_notes,memberships.(project|section).name,permalink_url",
        });
        assert.equal(read.notes, "On cloth");
        assert.equal(read.html_notes, "<body>On <strong>cloth</strong></body>");
        assert.deepEqual(read.memberships, [
            { project: { gid: project, name: "Spring fair" }, section: { gid: doing, name: "In work" } },
        ]);
        assert.ok(read.permalink_url.startsWith("http"));
    });

    it("pages through them", async function () {
        const made = [task];
        for (let number = 1; number <= 6; number += 1) {
            const each = await api.Tasks.createTask(data({ name: `Leaflet ${number}`, projects: [project] }), {});
            made.push(each.data.gid);
        }
        const page = await api.Tasks.getTasksForProject(project, { limit: 3, opt_fields: "name" });
        assert.equal(page.data.length, 3);
        assert.ok(page._response.next_page.uri.startsWith(Asana.ApiClient.instance.basePath));
        assert.deepEqual(gids(await all(page)).sort(), made.sort());
        // Without a limit there is no next_page, and null when everything came at once.
        assert.ok(!("next_page" in (await api.Tasks.getTasksForProject(project, {}))._response));
        assert.equal((await api.Tasks.getTasksForProject(project, { limit: 100 }))._response.next_page, null);
        assert.equal((await all(await api.Tasks.getTasks({ assignee: "me", workspace, limit: 2 }))).length, 1);
    });

    it("moves and completes them", async function () {
        const moved = await api.Sections.addTaskForSection(done, { body: data({ task }) });
        assert.deepEqual(moved.data, {});
        assert.deepEqual(gids((await api.Tasks.getTasksForSection(done, {})).data), [task]);
        const changed = await api.Tasks.updateTask(data({ completed: true }), task, {});
        assert.equal(changed.data.completed, true);
        assert.match(changed.data.completed_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        const open = await api.Tasks.getTasksForProject(project, { completed_since: "now" });
        assert.ok(!gids(open.data).includes(task));
        const counts = await api.Projects.getTaskCountsForProject(project, { opt_fields: "num_tasks,num_completed_tasks" });
        assert.deepEqual(counts.data, { num_completed_tasks: 1, num_tasks: 7 });
        const another = (await api.Projects.createProject(data({ name: "Archive", team }), {})).data.gid;
        assert.deepEqual((await api.Tasks.addProjectForTask(data({ project: another }), task)).data, {});
        assert.deepEqual(gids((await api.Projects.getProjectsForTask(task, {})).data).sort(), [project, another].sort());
        assert.deepEqual((await api.Tasks.removeProjectForTask(data({ project: another }), task)).data, {});
        await api.Projects.deleteProject(another);
    });

    it("splits them, and lets them wait", async function () {
        subtask = (await api.Tasks.createSubtaskForTask(data({ name: "Choose the cloth" }), task, {})).data.gid;
        assert.deepEqual(gids((await api.Tasks.getSubtasksForTask(task, {})).data), [subtask]);
        const free = await api.Tasks.setParentForTask(data({ parent: null }), subtask, {});
        assert.equal(free.data.parent, null);
        const back = await api.Tasks.setParentForTask(data({ parent: task }), subtask, {});
        assert.equal(back.data.parent.gid, task);
        await api.Tasks.addDependenciesForTask(data({ dependencies: [subtask] }), task);
        assert.deepEqual(gids((await api.Tasks.getDependenciesForTask(task, {})).data), [subtask]);
        assert.deepEqual(gids((await api.Tasks.getDependentsForTask(subtask, {})).data), [task]);
        await api.Tasks.removeDependenciesForTask(data({ dependencies: [subtask] }), task);
    });

    it("talks about them", async function () {
        comment = (await api.Stories.createStoryForTask(data({ text: "The printer asks for the file" }), task, {})).data;
        assert.deepEqual([comment.type, comment.resource_subtype], ["comment", "comment_added"]);
        const changed = await api.Stories.updateStory(data({ text: "The printer has the file" }), comment.gid, {});
        assert.equal(changed.data.text, "The printer has the file");
        const pinned = await api.Stories.updateStory(data({ is_pinned: true }), comment.gid, {});
        assert.equal(pinned.data.is_pinned, true);
        const stories = await all(await api.Stories.getStoriesForTask(task, { limit: 5, opt_fields: "resource_subtype" }));
        const subtypes = stories.map((story) => story.resource_subtype);
        for (const subtype of ["added_to_project", "marked_complete", "section_changed", "comment_added"]) {
            assert.ok(subtypes.includes(subtype), `${subtype} in ${subtypes}`);
        }
    });

    it("gives them custom fields", async function () {
        const name = `Stage ${Date.now()}`;
        const made = await api.CustomFields.createCustomField(data({
            workspace, name, resource_subtype: "enum", enum_options: [{ name: "draft" }, { name: "final" }],
        }), {});
        field = made.data.gid;
        const [draft, final] = gids(made.data.enum_options);
        const setting = await api.Projects.addCustomFieldSettingForProject(data({ custom_field: field }), project, {});
        assert.equal(setting.data.custom_field.gid, field);
        const changed = await api.Tasks.updateTask(data({ custom_fields: { [field]: final } }), task, {});
        assert.equal(changed.data.custom_fields[0].display_value, "final");
        const option = await api.CustomFields.createEnumOptionForCustomField(field, {
            body: data({ name: "proof", insert_after: draft }),
        });
        await api.CustomFields.insertEnumOptionForCustomField(field, {
            body: data({ enum_option: option.data.gid, before_enum_option: draft }),
        });
        const { data: read } = await api.CustomFields.getCustomField(field, {});
        assert.deepEqual(names(read.enum_options), ["proof", "draft", "final"]);
        assert.ok(gids(await all(await api.CustomFields.getCustomFieldsForWorkspace(workspace, { limit: 2 }))).includes(field));
        const settings = await api.CustomFieldSettings.getCustomFieldSettingsForProject(project, {});
        assert.deepEqual(gids(settings.data.map((setting) => setting.custom_field)), [field]);
        await refused(400, `Custom field with ID ${NOBODY} is not on given object`, api.Tasks.updateTask(
            data({ custom_fields: { [NOBODY]: "x" } }), task, {},
        ));
    });

    it("calls them by custom IDs", async function () {
        const prefix = `N${Date.now() % 1e8}`;
        const made = await api.CustomFields.createCustomField(data({
            workspace, name: `No. ${prefix}`, resource_subtype: "text", id_prefix: prefix,
        }), {});
        await api.Projects.addCustomFieldSettingForProject(data({ custom_field: made.data.gid }), project, {});
        const { data: read } = await api.Tasks.getTask(task, { opt_fields: "custom_fields.display_value" });
        const id = read.custom_fields.find((each) => each.gid === made.data.gid).display_value;
        assert.ok(id.startsWith(`${prefix}-`));
        assert.equal((await api.Tasks.getTaskForCustomID(workspace, id)).data.gid, task);
        await api.CustomFields.deleteCustomField(made.data.gid);
    });

    it("tags and follows them", async function () {
        tag = (await api.Tags.createTagForWorkspace(data({ name: "urgent", color: "dark-red" }), workspace, {})).data.gid;
        assert.deepEqual((await api.Tasks.addTagForTask(data({ tag }), task)).data, {});
        assert.deepEqual(gids((await api.Tags.getTagsForTask(task, {})).data), [tag]);
        assert.deepEqual(gids((await api.Tasks.getTasksForTag(tag, {})).data), [task]);
        assert.deepEqual((await api.Tasks.removeTagForTask(data({ tag }), task)).data, {});
        const alone = await api.Tasks.removeFollowerForTask(data({ followers: ["me"] }), task, {});
        assert.deepEqual(alone.data.followers, []);
        const followed = await api.Tasks.addFollowersForTask(data({ followers: [user] }), task, {});
        assert.deepEqual(followed.data.followers, [me]);
        const liked = await api.Tasks.updateTask(data({ liked: true }), task, {});
        assert.deepEqual([liked.data.num_likes, liked.data.liked], [1, true]);
    });

    it("attaches files and links", async function () {
        const directory = fs.mkdtempSync(path.join(os.tmpdir(), "vinyasa-node-"));
        const file = path.join(directory, "Entwurf – größer.txt");
        fs.writeFileSync(file, "a banner\n");
        try {
            // A stream is sent without saying how long it is.
            const streamed = await api.Attachments.createAttachmentForObject({
                parent: task, file: fs.createReadStream(file),
            });
            assert.equal(streamed.data.name, "Entwurf – größer.txt");
            const link = await api.Attachments.createAttachmentForObject({
                parent: task, resource_subtype: "external", url: "https://print.example/offer", name: "Offer",
            });
            assert.equal(link.data.resource_subtype, "external");
            const listed = await all(await api.Attachments.getAttachmentsForObject(task, { limit: 1 }));
            assert.deepEqual(gids(listed).sort(), [streamed.data.gid, link.data.gid].sort());
            const { data: read } = await api.Attachments.getAttachment(streamed.data.gid, {});
            assert.equal(read.size, 9);
            assert.equal(await (await fetch(read.download_url)).text(), "a banner\n");
            assert.deepEqual((await api.Attachments.deleteAttachment(link.data.gid)).data, {});
        } finally {
            fs.rmSync(directory, { recursive: true });
        }
    });

    it("looks at My Tasks", async function () {
        const { data: mine } = await api.UserTaskLists.getUserTaskListForUser("me", workspace, {});
        assert.equal(mine.owner.gid, user);
        assert.equal((await api.UserTaskLists.getUserTaskList(mine.gid, {})).data.gid, mine.gid);
        assert.deepEqual(gids((await api.Tasks.getTasksForUserTaskList(mine.gid, {})).data), [task]);
        const open = await api.Tasks.getTasksForUserTaskList(mine.gid, { completed_since: "now" });
        assert.deepEqual(open.data, []);
    });

    it("shares and tells how it goes", async function () {
        const { data: memberships } = await api.ProjectMemberships.getProjectMembershipsForProject(project, {});
        assert.deepEqual(memberships.map((membership) => membership.member.gid), [user]);
        const listed = await api.Memberships.getMemberships({ parent: project });
        assert.deepEqual(gids(listed.data), gids(memberships));
        assert.deepEqual((await api.Users.getFavoritesForUser("me", "project", workspace, {})).data, []);
        const status = await api.StatusUpdates.createStatusForObject(data({
            parent: project, status_type: "on_track", title: "Week 6", text: "The banner hangs",
        }), {});
        assert.deepEqual([status.data.title, status.data.status_type], ["Week 6", "on_track"]);
        const { data: read } = await api.Projects.getProject(project, {});
        assert.equal(read.current_status_update.gid, status.data.gid);
        assert.deepEqual([read.current_status.color, read.current_status.text], ["green", "The banner hangs"]);
        const statuses = await api.StatusUpdates.getStatusesForObject(project, {});
        assert.deepEqual(gids(statuses.data), [status.data.gid]);
        assert.deepEqual(gids((await api.ProjectStatuses.getProjectStatusesForProject(project, {})).data), gids(statuses.data));
        assert.deepEqual((await api.Reactions.getReactionsOnObject(status.data.gid, "❤️", {})).data, []);
        assert.deepEqual((await api.StatusUpdates.deleteStatus(status.data.gid)).data, {});
    });

    it("is refused what is wrong", async function () {
        await refused(400, "You should specify one of workspace, parent, projects", api.Tasks.createTask(data({ name: "x" }), {}));
        await refused(400, "workspace: Missing input", api.Tasks.getTasks({}));
        await refused(400, "offset: Your pagination token is invalid.", api.Tasks.getTasksForProject(project, {
            limit: 1, offset: "made-up",
        }));
        await refused(400, "tags: Cannot write this property", api.Tasks.updateTask(data({ tags: [tag] }), task, {}));
        const stories = await api.Stories.getStoriesForTask(task, { opt_fields: "type" });
        const told = stories.data.find((story) => story.type === "system").gid;
        const error = await api.Stories.updateStory(data({ text: "It was not like that" }), told, {}).catch((error) => error);
        assert.equal(error.status, 403);
        await refused(404, `task: Not a recognized ID: ${NOBODY}`, api.Tasks.getTask(NOBODY, {}));
        await refused(404, `project: Not a recognized ID: ${task}`, api.Projects.getProject(task, {}));
        const stranger = new Asana.ApiClient();
        stranger.basePath = Asana.ApiClient.instance.basePath;
        await refused(401, "Not Authorized", new Asana.UsersApi(stranger).getUser("me", {}));
        stranger.authentications.token.accessToken = "not-a-token";
        await refused(401, "Not Authorized", new Asana.UsersApi(stranger).getUser("me", {}));
    });

    it("ends with tidying up", async function () {
        assert.deepEqual((await api.Stories.deleteStory(comment.gid)).data, {});
        await api.Projects.removeCustomFieldSettingForProject(data({ custom_field: field }), project);
        for (const [kind, gid, remove, read] of [
            ["task", subtask, api.Tasks.deleteTask(subtask), () => api.Tasks.getTask(subtask, {})],
            ["tag", tag, api.Tags.deleteTag(tag), () => api.Tags.getTag(tag, {})],
            ["custom_field", field, api.CustomFields.deleteCustomField(field), () => api.CustomFields.getCustomField(field, {})],
        ]) {
            assert.deepEqual((await remove).data, {});
            await refused(404, `${kind}: Unknown object: ${gid}`, read());
        }
        assert.deepEqual((await api.Projects.deleteProject(project)).data, {});
        // The tasks that were nowhere else went with it.
        await refused(404, `task: Unknown object: ${task}`, api.Tasks.getTask(task, {}));
    });
});
