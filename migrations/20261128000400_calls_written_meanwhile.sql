-- The calls that were written with items after the others were moved and before the trigger stood.
-- A transaction of its own: it reads all items, and locks none. A call that was moved has no bytes.
SELECT count(move_calls(item))
  FROM generation_items AS item
 WHERE usage #> '{provider_calls,0}' IS NOT NULL
   AND NOT EXISTS (
       SELECT FROM provider_calls AS moved
        WHERE moved.generation_request_id = item.generation_request_id
          AND moved.ordinal = item.ordinal
          AND moved.received_bytes = 0
          AND moved.outcome = usage #>> '{provider_calls,0,outcome}'
          AND moved.seconds = (usage #>> '{provider_calls,0,seconds}')::float8);
