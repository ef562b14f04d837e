-- The entities as tables of their own: one row for each item that succeeded, one column for each
-- field. The CASE ties every conversion to the type: without it the planner may try a reader's
-- condition, and the conversion in it, on the items of every type before it looks at their requests.
-- (security_barrier would not do: it lets through whatever is compared by a leakproof operator.)

CREATE VIEW problems AS
SELECT (made.entity ->> 'id')::uuid AS id,
       item.generation_request_id,
       item.ordinal,
       (made.entity ->> 'created_at')::timestamptz AS created_at,
       (made.entity ->> 'updated_at')::timestamptz AS updated_at,
       made.entity ->> 'target_language_code' AS target_language_code,
       made.entity ->> 'problem_type' AS problem_type,
       made.entity ->> 'title' AS title,
       made.entity ->> 'instructions' AS instructions,
       made.entity -> 'statements' AS statements,
       (made.entity ->> 'correct_answer_index')::int AS correct_answer_index,
       made.entity -> 'topic_tags' AS topic_tags
  FROM generation_items AS item
  JOIN generation_requests AS request ON request.id = item.generation_request_id
  CROSS JOIN LATERAL (
       SELECT CASE WHEN request.entity_type = 'problem' THEN item.entity END AS entity) AS made
 WHERE request.entity_type = 'problem' AND item.status = 'succeeded';

CREATE VIEW sentences AS
SELECT (made.entity ->> 'id')::uuid AS id,
       item.generation_request_id,
       item.ordinal,
       (made.entity ->> 'created_at')::timestamptz AS created_at,
       (made.entity ->> 'updated_at')::timestamptz AS updated_at,
       made.entity ->> 'target_language_code' AS target_language_code,
       made.entity ->> 'content' AS content,
       made.entity ->> 'translation' AS translation,
       made.entity ->> 'pronoun' AS pronoun,
       made.entity ->> 'tense' AS tense,
       made.entity ->> 'direct_object' AS direct_object,
       made.entity ->> 'indirect_object' AS indirect_object,
       made.entity ->> 'negation' AS negation,
       (made.entity ->> 'is_correct')::boolean AS is_correct,
       made.entity ->> 'explanation' AS explanation
  FROM generation_items AS item
  JOIN generation_requests AS request ON request.id = item.generation_request_id
  CROSS JOIN LATERAL (
       SELECT CASE WHEN request.entity_type = 'sentence' THEN item.entity END AS entity) AS made
 WHERE request.entity_type = 'sentence' AND item.status = 'succeeded';

CREATE VIEW vocabulary AS
SELECT (made.entity ->> 'id')::uuid AS id,
       item.generation_request_id,
       item.ordinal,
       (made.entity ->> 'created_at')::timestamptz AS created_at,
       (made.entity ->> 'updated_at')::timestamptz AS updated_at,
       made.entity ->> 'target_language_code' AS target_language_code,
       made.entity ->> 'word' AS word,
       made.entity ->> 'part_of_speech' AS part_of_speech,
       made.entity ->> 'gender' AS gender,
       made.entity ->> 'definition' AS definition,
       made.entity ->> 'translation' AS translation,
       made.entity ->> 'example' AS example,
       made.entity ->> 'example_translation' AS example_translation,
       made.entity ->> 'semantic_field' AS semantic_field,
       made.entity ->> 'level' AS level
  FROM generation_items AS item
  JOIN generation_requests AS request ON request.id = item.generation_request_id
  CROSS JOIN LATERAL (
       SELECT CASE WHEN request.entity_type = 'vocabulary' THEN item.entity END AS entity) AS made
 WHERE request.entity_type = 'vocabulary' AND item.status = 'succeeded';
