"""Cuts a list of texts into pieces of work small enough to tell progress and to stop between."""

from collections.abc import Iterator, Sequence

from prefixes import Marked

TEXTS_PER_BATCH = 16
TOKENS_PER_BATCH = 1024


def batches(texts: Sequence[Marked], tokens: Sequence[int]) -> Iterator[list[int]]:
    """Indexes of texts of one kind that are embedded together; each exactly once."""
    for kind in dict.fromkeys(text.kind for text in texts):
        batch: list[int] = []
        size = 0
        for index in (i for i, text in enumerate(texts) if text.kind == kind):
            if batch and (len(batch) == TEXTS_PER_BATCH or size + tokens[index] > TOKENS_PER_BATCH):
                yield batch
                batch, size = [], 0
            batch.append(index)
            size += tokens[index]
        if batch:
            yield batch
