"""Embeddings by multilingual-e5-small. Standalone: python gpu-services/embeddings/server.py --port 8005

`args` in models.yaml: variant (`original`, about 100 languages; `enpt`, English and Portuguese, a third
of the size), input_type (query or passage, where the request does not say), n_threads, max_tokens.
"""

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from batches import batches
from core.base_service import BaseService
from core.errors import BadRequest
from core.job import Job
from core.service_args import read_args
from e5_encoder import E5Encoder
from embedding_args import EmbeddingArgs
from embedding_request import EmbeddingRequest
from prefixes import KINDS, Marked, marked
from vectors import Vectors, embedding_list


class EmbeddingService(BaseService):
    def __init__(self) -> None:
        super().__init__(name="embeddings", port=8005)

    async def initialize(self) -> None:
        self.options = read_args(EmbeddingArgs, self.args)
        self.load_progress(None, "weights")
        self.encoder = E5Encoder(self.options.variant, self.options.n_threads)
        self.encoder.encode(["Ready."], "query")

    def create_app(self) -> None:
        self.app.post("/v1/embeddings")(self.embed)

    async def embed(self, request: EmbeddingRequest) -> Response:
        if request.dimensions not in (None, self.encoder.dimensions):
            raise BadRequest(
                f"This model's vectors have {self.encoder.dimensions} dimensions and cannot be shortened: "
                f"leave dimensions out, or ask for {self.encoder.dimensions}",
                "dimensions",
            )
        kind = KINDS[request.input_type or self.options.input_type]
        texts = [marked(text, kind) for text in request.texts]
        return await run_in_threadpool(self._answer, request, texts, self.job)

    def _answer(self, request: EmbeddingRequest, texts: list[Marked], job: Job) -> Response:
        tokens = self._count(texts, job)
        vectors = self._vectors(texts, tokens, job)
        return JSONResponse(embedding_list(vectors, request.encoding_format, self.model_id, sum(tokens)))

    def _count(self, texts: list[Marked], job: Job) -> list[int]:
        """Raises BadRequest for a text that is too long to have one meaning."""
        counts = []
        for number, (kind, text) in enumerate(texts):
            job.raise_if_cancelled()
            counts.append(self.encoder.count_tokens(text, kind))
            if counts[-1] > self.options.max_tokens:
                raise BadRequest(
                    f"Text {number} has {counts[-1]} tokens, more than the {self.options.max_tokens} "
                    "that are embedded at once: cut it into passages",
                    "input",
                )
        return counts

    def _vectors(self, texts: list[Marked], tokens: list[int], job: Job) -> Vectors:
        """In the order of the texts. Raises JobCancelled between two batches once the client has left."""
        vectors: Vectors = np.empty((len(texts), self.encoder.dimensions), np.float32)
        done = 0
        for batch in batches(texts, tokens):
            job.raise_if_cancelled()
            vectors[batch] = self.encoder.encode([texts[i].text for i in batch], texts[batch[0]].kind)
            done += sum(tokens[i] for i in batch)
            job.progress(done / sum(tokens), "embedding")
        return vectors


if __name__ == "__main__":
    EmbeddingService().run()
