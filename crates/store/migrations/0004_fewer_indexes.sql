-- What every creation of a task paid for and few asked: the tasks of a project are found through its sections, and nothing
-- looks for the values of a field.
DROP INDEX task_projects_by_project;
DROP INDEX custom_field_values_by_field;
