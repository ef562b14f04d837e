-- The entities as tables of their own: one row for each item that succeeded, one column for each
-- field. A view selects its type before it converts: without security_barrier the planner may try a
-- reader's condition, and the conversion in it, on the rows of every other type.

CREATE VIEW problems WITH (security_barrier) AS
SELECT (entity ->> 'id')::uuid AS id,
       item.generation_request_id,
       item.ordinal,
       (entity ->> 'created_at')::timestamptz AS created_at,
       (entity ->> 'updated_at')::timestamptz AS updated_at,
       entity ->> 'target_language_code' AS target_language_code,
       entity ->> 'problem_type' AS problem_type,
       entity ->> 'title' AS title,
       entity ->> 'instructions' AS instructions,
       entity -> 'statements' AS statements,
       (entity ->> 'correct_answer_index')::int AS correct_answer_index,
       entity -> 'topic_tags' AS topic_tags
  FROM generation_items AS item
  JOIN generation_requests AS request ON request.id = item.generation_request_id
 WHERE request.entity_type = 'problem' AND item.status = 'succeeded';

CREATE VIEW sentences WITH (security_barrier) AS
SELECT (entity ->> 'id')::uuid AS id,
       item.generation_request_id,
       item.ordinal,
       (entity ->> 'created_at')::timestamptz AS created_at,
       (entity ->> 'updated_at')::timestamptz AS updated_at,
       entity ->> 'target_language_code' AS target_language_code,
       entity ->> 'content' AS content,
       entity ->> 'translation' AS translation,
       entity ->> 'pronoun' AS pronoun,
       entity ->> 'tense' AS tense,
       entity ->> 'direct_object' AS direct_object,
       entity ->> 'indirect_object' AS indirect_object,
       entity ->> 'negation' AS negation,
       (entity ->> 'is_correct')::boolean AS is_correct,
       entity ->> 'explanation' AS explanation
  FROM generation_items AS item
  JOIN generation_requests AS request ON request.id = item.generation_request_id
 WHERE request.entity_type = 'sentence' AND item.status = 'succeeded';

CREATE VIEW vocabulary WITH (security_barrier) AS
SELECT (entity ->> 'id')::uuid AS id,
       item.generation_request_id,
       item.ordinal,
       (entity ->> 'created_at')::timestamptz AS created_at,
       (entity ->> 'updated_at')::timestamptz AS updated_at,
       entity ->> 'target_language_code' AS target_language_code,
       entity ->> 'word' AS word,
       entity ->> 'part_of_speech' AS part_of_speech,
       entity ->> 'gender' AS gender,
       entity ->> 'definition' AS definition,
       entity ->> 'translation' AS translation,
       entity ->> 'example' AS example,
       entity ->> 'example_translation' AS example_translation,
       entity ->> 'semantic_field' AS semantic_field,
       entity ->> 'level' AS level
  FROM generation_items AS item
  JOIN generation_requests AS request ON request.id = item.generation_request_id
 WHERE request.entity_type = 'vocabulary' AND item.status = 'succeeded';
