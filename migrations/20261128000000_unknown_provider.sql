-- A request whose provider no worker has ends as one whose entity type no worker has.
ALTER TABLE dead_letters
    DROP CONSTRAINT letter_reason_is_known,
    ADD CONSTRAINT letter_reason_is_known CHECK (reason IN (
        'unreadable', 'unsupported_version', 'unknown_request', 'undecodable',
        'items_failed', 'unexpected', 'deadline_exceeded', 'crash_loop', 'provider_unavailable',
        'unknown_entity_type', 'unknown_provider')) NOT VALID;

ALTER TABLE dead_letters VALIDATE CONSTRAINT letter_reason_is_known;
