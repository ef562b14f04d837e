-- A letter is about a request that settled without all its entities, or about a record that can
-- never be handled.
ALTER TABLE dead_letters
    ALTER COLUMN kafka_partition DROP NOT NULL,
    ALTER COLUMN kafka_offset DROP NOT NULL,
    ALTER COLUMN content_digest DROP NOT NULL,
    ALTER COLUMN header_names DROP NOT NULL,
    ALTER COLUMN header_names DROP DEFAULT,
    ALTER COLUMN header_values DROP NOT NULL,
    ALTER COLUMN header_values DROP DEFAULT,
    ADD COLUMN generation_request_id uuid REFERENCES generation_requests (id) ON DELETE CASCADE,
    ADD COLUMN round           int,
    ADD COLUMN error_code      text,
    ADD COLUMN failed_ordinals int[],
    ADD COLUMN attempts        int NOT NULL DEFAULT 0,  -- provider calls for the failed items
    ADD COLUMN delivery_count  int NOT NULL DEFAULT 1,  -- of the record; for a request, its claims
    ADD COLUMN replay_count    int NOT NULL DEFAULT 0,  -- replays before and of this letter
    ADD COLUMN first_failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN consumer_group  text;                    -- NULL for letters older than this column

UPDATE dead_letters
   SET first_failed_at = created_at,
       header_names = CASE WHEN reason <> 'undecodable' THEN header_names END,
       header_values = CASE WHEN reason <> 'undecodable' THEN header_values END;

ALTER TABLE dead_letters
    ADD CONSTRAINT one_letter_for_each_round UNIQUE (generation_request_id, round),
    ADD CONSTRAINT letter_reason_is_known CHECK (reason IN (
        'unreadable', 'unsupported_version', 'unknown_request', 'undecodable',
        'items_failed', 'unexpected', 'deadline_exceeded', 'crash_loop', 'provider_unavailable',
        'unknown_entity_type')),
    ADD CONSTRAINT letter_is_about_a_request_or_a_record CHECK (
        num_nonnulls(generation_request_id, round, error_code, failed_ordinals) IN (0, 4)
        AND num_nonnulls(kafka_partition, kafka_offset, content_digest) IN (0, 3)
        AND (generation_request_id IS NULL) = (content_digest IS NOT NULL)),
    ADD CONSTRAINT letter_reason_fits_its_subject CHECK (
        (generation_request_id IS NULL) = (reason IN (
            'unreadable', 'unsupported_version', 'unknown_request', 'undecodable'))),
    ADD CONSTRAINT letter_names_failed_items CHECK (
        cardinality(failed_ordinals) >= 1 AND array_position(failed_ordinals, NULL) IS NULL),
    -- Without header arrays the record could not be kept; else NULL and empty are the record's own.
    ADD CONSTRAINT letter_keeps_its_record_whole CHECK (
        CASE WHEN header_names IS NULL
             THEN num_nonnulls(header_values, record_key, record_value, generation_request_id) = 0
             ELSE header_values IS NOT NULL
                  AND cardinality(header_names) = cardinality(header_values)
                  AND array_position(header_names, NULL) IS NULL
        END),
    ADD CONSTRAINT letter_counts_are_counts CHECK (
        attempts >= 0 AND delivery_count >= 0 AND replay_count >= 0 AND round >= 1),
    ADD CONSTRAINT letter_digest_is_sha256 CHECK (octet_length(content_digest) = 32),
    ADD CONSTRAINT letter_error_is_short CHECK (char_length(error_message) <= 1000);

CREATE INDEX dead_letters_newest ON dead_letters (created_at, id);
CREATE INDEX dead_letters_newest_of_a_reason ON dead_letters (reason, created_at, id);
