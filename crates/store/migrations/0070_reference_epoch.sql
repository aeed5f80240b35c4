-- Tells a server when what it remembers of the reference tables (people, projects, fields, ...) is out of date.
INSERT INTO epochs (name, value) VALUES ('reference', 1);
