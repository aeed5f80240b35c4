-- Whether rich text leads to objects, whose names are filled in when it is read; null where it leads nowhere.
ALTER TABLE tasks ADD COLUMN mentions BOOLEAN;
ALTER TABLE projects ADD COLUMN mentions BOOLEAN;
ALTER TABLE teams ADD COLUMN mentions BOOLEAN;
ALTER TABLE stories ADD COLUMN mentions BOOLEAN;
ALTER TABLE status_updates ADD COLUMN mentions BOOLEAN;

-- In the form in which rich text is kept, every angle bracket begins or ends a tag.
UPDATE tasks SET mentions = TRUE WHERE html_notes LIKE '%<a data-asana-gid=%';
UPDATE projects SET mentions = TRUE WHERE html_notes LIKE '%<a data-asana-gid=%';
UPDATE teams SET mentions = TRUE WHERE html_description LIKE '%<a data-asana-gid=%';
UPDATE stories SET mentions = TRUE WHERE html_text LIKE '%<a data-asana-gid=%';
UPDATE status_updates SET mentions = TRUE WHERE html_text LIKE '%<a data-asana-gid=%';
