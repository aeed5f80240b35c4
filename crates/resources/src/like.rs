use engine::resource::{Guard, Resource};
pub static LIKE_OF_TASK: Resource = Resource {
    guard: Guard::Sql("TRUE"),
    open_in_relations: true,
    typed: false,
    fields: &[engine::field::one("user", &crate::user::USER, "user_id")],
    ..Resource::new("like", "task_likes")
};
