"""Records that a well-behaved producer cannot make."""

import gzip
import struct
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c

_LENGTH, _AFTER_LENGTH, _CRC, _AFTER_CRC, _RECORDS = 8, 12, 17, 21, 61
_GZIP = 1
_PLACEHOLDER, _NOT_UTF8 = "not-utf8", b"\xff\xfet-utf8"


async def send_undecodable_header(producer: AIOKafkaProducer, topic: str, *, partition: int) -> int:
    """Send a record with a header key that is not UTF-8, which aiokafka cannot decode.

    Returns its offset.

    The layout is that of a record batch of version 2:
    https://kafka.apache.org/documentation/#recordbatch
    """
    batch = producer.create_batch()
    batch.append(key=None, value=b"poison", timestamp=None, headers=[(_PLACEHOLDER, b"")])
    content = bytearray(batch._build().replace(_PLACEHOLDER.encode(), _NOT_UTF8))  # noqa: SLF001
    struct.pack_into(">I", content, _CRC, calc_crc32c(bytes(content[_AFTER_CRC:])))
    batch._buffer = content  # noqa: SLF001
    return await _sent(producer, batch, topic, partition=partition)


async def send_without_content(
    producer: AIOKafkaProducer, topic: str, *, headers: Sequence[tuple[str, bytes | None]]
) -> int:
    """Send a record of headers alone to partition 0 and return its offset."""
    batch = producer.create_batch()
    batch.append(key=None, value=None, timestamp=None, headers=headers)
    return await _sent(producer, batch, topic, partition=0)


async def send_broken_gzip(producer: AIOKafkaProducer, topic: str, *, partition: int) -> int:
    """Send a gzip batch with bytes behind its end: the broker ignores them, Python's gzip not.

    Returns its offset.
    """
    batch = producer.create_batch()
    batch.append(key=None, value=b"poison", timestamp=None)
    plain = bytes(batch._build())  # noqa: SLF001
    content = bytearray(plain[:_RECORDS] + gzip.compress(plain[_RECORDS:]) + b"garbage")
    struct.pack_into(">i", content, _LENGTH, len(content) - _AFTER_LENGTH)
    struct.pack_into(">h", content, _AFTER_CRC, _GZIP)
    struct.pack_into(">I", content, _CRC, calc_crc32c(bytes(content[_AFTER_CRC:])))
    batch._buffer = content  # noqa: SLF001
    return await _sent(producer, batch, topic, partition=partition)


async def _sent(
    producer: AIOKafkaProducer, batch: BatchBuilder, topic: str, *, partition: int
) -> int:
    sent = await (await producer.send_batch(batch, topic, partition=partition))
    offset: int = sent.offset
    return offset
