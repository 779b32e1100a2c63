"""The usual way to run an encoder, for comparison only: a `transformers` pipeline of text classification, torch in float32.

The same module that is fine-tuned here (`nlp.training.heads.reader`), wrapped so that the pipeline takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.tokenizer import LENGTH, SPECIAL

if TYPE_CHECKING:
    from nlp.tokenizer import Tokenizer

BASE_TOKENS: Final = 21_128
BATCH: Final = 32  # faster than 8 and than 128 for texts of 60 characters on one core


def as_pipeline(model: Any, tokenizer: Tokenizer, columns: int) -> Any:
    """A pipeline over a reader; it takes `words_for_it` and gives the logits of all `columns`, by number."""
    from transformers import BertConfig

    labels = {number: f"LABEL_{number}" for number in range(columns)}
    config = BertConfig(**{**model.encoder.config.to_dict(), "id2label": labels, "label2id": {}})
    return pipeline_of(wrapped(model, config), fast_tokenizer(tokenizer))


def pipeline_of(model: Any, tokenizer: Any, length: int = LENGTH) -> Any:
    """A pipeline that gives every label its logit; it cuts texts to `length` tokens."""
    from transformers import pipeline
    from transformers.utils import logging

    logging.set_verbosity_error()  # it asks for a GPU
    return pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu", top_k=None,
                    function_to_apply="none", truncation=True, max_length=length)  # fmt: skip


def wrapped(model: Any, config: Any) -> Any:
    """A reader in the class that the pipeline expects."""
    from transformers import BertPreTrainedModel
    from transformers.modeling_outputs import SequenceClassifierOutput

    class BertForSequenceClassification(BertPreTrainedModel):  # type: ignore[misc] # the pipeline looks at this name
        def __init__(self) -> None:
            super().__init__(config)
            self.reader = model

        def forward(self, input_ids: Any, token_type_ids: Any, **_: Any) -> Any:
            return SequenceClassifierOutput(logits=self.reader(input_ids, token_type_ids)[0])

    return BertForSequenceClassification().eval()


def fast_tokenizer(tokenizer: Tokenizer) -> Any:
    """The vocabulary as `transformers` loads it."""
    import tempfile
    from pathlib import Path

    from transformers import PreTrainedTokenizerFast

    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder))
        return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)


def words_for_it(tokenizer: Tokenizer, title: str, text: str) -> dict[str, str]:
    """The tokens of `Tokenizer.pair` as words joined by blanks, which the pipeline reads as the same numbers; but an empty text, which it
    takes for none.
    """
    if tokenizer.settings():  # a foreign one cuts by itself
        return {"text": title, "text_pair": text}
    ids, head = tokenizer.pair(title, text)
    names = [tokenizer.tokens[number] for number in ids]
    return {"text": " ".join(names[1 : head - 1]), "text_pair": " ".join(names[head:-1])}


def logits_by(
    pipe: Any,
    tokenizer: Tokenizer,
    titles: Sequence[str],
    texts: Sequence[str],
    columns: int,
    report: Callable[[float], None] = lambda _: None,
    batch: int = BATCH,
) -> NDArray[np.float32]:
    """(n, columns) logits of the pipeline; texts of like length stand together, as they should for speed.

    Args:
        report: called after every batch with the part done, 0 … 1.
    """  # fmt: skip
    import torch

    table = np.zeros((len(texts), columns), dtype=np.float32)
    order = np.argsort([len(title) + len(text) for title, text in zip(titles, texts, strict=True)], kind="stable")
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        given = [words_for_it(tokenizer, titles[row], texts[row]) for row in rows]
        with torch.inference_mode():
            answers = pipe(given, batch_size=batch)
        for row, answer in zip(rows, answers, strict=True):
            for each in answer:
                table[row, int(each["label"].removeprefix("LABEL_"))] = each["score"]
        report(min(1.0, (start + batch) / len(order)))
    return table


def base_pipeline() -> Any:
    """A pipeline of the size of BERT-base (12 layers × 768, 21,128 tokens, 512 positions, a token a character), for its speed: the
    weights are random.
    """
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    names = [*SPECIAL, *map(chr, (*range(0x21, 0x7F), *range(0x3001, 0x3012), *range(0x4E00, 0x9FA6))), *"，！？"]
    names += [f"[unused{number}]" for number in range(BASE_TOKENS - len(names))]
    pieces = BertWordPieceTokenizer({name: number for number, name in enumerate(names)})
    signs = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    model = BertForSequenceClassification(BertConfig(vocab_size=BASE_TOKENS, num_labels=16)).eval()
    return pipeline_of(model, PreTrainedTokenizerFast(tokenizer_object=pieces._tokenizer, **signs), length=512)
