-- Who follows a tag.
CREATE TABLE tag_followers (
    tag_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    PRIMARY KEY (tag_id, user_id)
) {compact_table};
CREATE INDEX tag_followers_by_user ON tag_followers (user_id, tag_id);
