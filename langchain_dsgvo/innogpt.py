"""innoGPT for LangChain, after the vendor's page "Endpoints"."""

from __future__ import annotations

from typing import ClassVar

from langchain_dsgvo._chat import ChatModel
from langchain_dsgvo._embeddings import EmbeddingModel
from langchain_dsgvo._images import ImageGeneration

__all__ = ["ChatInnoGPT", "InnoGPTEmbeddings", "InnoGPTImageGeneration"]


class ChatInnoGPT(ChatModel):
    """innoGPT chat model.

    Models of the GPT-5 series, ``o3-mini`` and ``o4-mini`` answer with a stream even when none is
    asked for; both ways of calling give the right result all the same.

    Setup:
        ``pip install 'dsgvo-llm[langchain]'`` and set ``INNOGPT_API_KEY``.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Instantiation and invocation:
        >>> model = ChatInnoGPT(model="gpt-5", temperature=0.3)
        >>> answer = model.invoke([("system", "Du bist hilfreich"), ("user", "Sag Hallo!")])
        >>> answer.response_metadata["finish_reason"]
        'stop'

    Streaming:
        >>> "".join(chunk.text for chunk in model.stream("Sag Hallo!")) != ""
        True

    Images, as LangChain's standard content block:
        >>> image = {"type": "image", "url": "https://example.com/image.jpg"}
        >>> question = {"type": "text", "text": "Was ist auf diesem Bild?"}
        >>> model.invoke([{"role": "user", "content": [question, image]}]).text != ""
        True

    PDFs, by their address, or as an upload of ``base64`` data or of a ``path``; one upload a
    request, which the vendor keeps for a while on its server:
        >>> report = {"type": "file", "url": "https://example.com/document.pdf"}
        >>> question = {"type": "text", "text": "Fasse dieses Dokument zusammen"}
        >>> model.invoke([{"role": "user", "content": [question, report]}]).text != ""
        True

    Structured output, by tool calling, JSON schema or JSON mode:
        >>> from pydantic import BaseModel
        >>> class Person(BaseModel):
        ...     "Eine Person."
        ...     name: str
        ...     age: int
        >>> chain = model.with_structured_output(Person, method="json_schema")
        >>> chain.invoke('"Anna" ist 34 Jahre alt')
        Person(name='Anna', age=34)
    """

    provider: ClassVar[str] = "innogpt"


class InnoGPTEmbeddings(EmbeddingModel):
    """innoGPT embeddings.

    Texts are sent as plain text, in batches sized by count and by bytes, several requests at
    once, and come back in order. A batch that the server finds too large is halved and sent again.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Examples:
        >>> embeddings = InnoGPTEmbeddings()
        >>> vectors = embeddings.embed_documents(["Guten Tag", "Auf Wiedersehen"])
        >>> len(vectors), len(vectors[0])
        (2, 1536)
    """

    provider: ClassVar[str] = "innogpt"


class InnoGPTImageGeneration(ImageGeneration):
    """Tool that makes an image after a description (innoGPT: "Bild-Generierung").

    The answer says where the image is, in words for the model; the image itself is the artifact,
    a :class:`dsgvo.wire.models.GeneratedImage`.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Examples:
        >>> tool = InnoGPTImageGeneration()
        >>> tool.invoke({"prompt": "ein minimalistisches App-Icon"})[:18]
        'The image was made'
    """

    provider: ClassVar[str] = "innogpt"
