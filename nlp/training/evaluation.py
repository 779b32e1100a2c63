"""`minsheng evaluate`: the figures of a classifier on held-out rows, and other ways on the same rows beside it.

With the work folder of `minsheng train heads` it is the mixture that is judged; without one its linear part alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from models.errors import BadRequest
from nlp.classifier import HEADS
from nlp.tokenizer import Tokenizer
from nlp.training.beside import Beside, beside
from nlp.training.figures import HeadFigure, figure_of
from nlp.training.held import CIVIC, SIGN, Held, facts_of, held_sets, two_sided
from nlp.training.hybrid import (
    CascadeFigure,
    PlaceFigure,
    SecondFigure,
    cascade_figure,
    place_figure,
    second_figures,
)
from nlp.training.joint import HELD, READER, SHIPPED, held_out_logits, learn_from_teacher
from nlp.training.judged import Judged, judged
from nlp.training.mixture import Mixture, load_logits, mixture
from nlp.training.rows import Corpus
from nlp.training.teach import unlabelled, with_texts

if TYPE_CHECKING:
    from nlp.training.examples import Examples
    from nlp.training.heads import Recipe
    from nlp.training.peers import Said, Twin

Progress = Callable[[str], None]
Logits = dict[str, NDArray[Any]]
WAYS: Final = ("linear", "snownlp", "pipeline")
NAMES: Final = {"mixture": "混合", "own": "线性部分", "linear": "TF-IDF + SVM", "snownlp": "SnowNLP",
                "pipeline": "编码器 float32（transformers）", "graph": "编码器 int8（onnxruntime）"}  # fmt: skip
UNHAPPY: Final = ("不满", "其余")  # levels −2 and −1 against 0 and 1, as the shared guideline reads them


@dataclass(frozen=True)
class Wanted:
    """What is to be evaluated. `work`: of `minsheng train heads`; `encoder`: which it fine-tuned; `train`: make the twin there first."""

    heads: tuple[str, ...] = tuple(HEADS)
    ways: tuple[str, ...] = ()
    work: Path | None = None
    encoder: Path | None = None
    train: bool = False


@dataclass(frozen=True)
class Evaluation:
    """`judged`: mixture or linear; `places` and `seconds`, which the encoder alone reads, and `cascade` of a mixture; `beside`: the ways on each
    set; `graph`: int8 as ours against the float32 pipeline.
    """

    judged: str
    figures: list[HeadFigure]
    places: PlaceFigure | None = None
    seconds: dict[str, SecondFigure] = field(default_factory=dict)
    cascade: CascadeFigure | None = None
    beside: list[Beside] = field(default_factory=list)
    graph: list[Beside] = field(default_factory=list)


def evaluate(corpus: Corpus, wanted: Wanted, recipe: Recipe, progress: Progress) -> Evaluation:
    """Everything that is asked for, on fold 0 of the rows.

    Raises:
        BadRequest: a way that needs what was not given; BadFile: a work folder of other rows.
    """
    kept = _kept(corpus, wanted)
    linear = judged(corpus, progress)
    mixed, read = _mixed(corpus, wanted, linear, kept, recipe, progress) if wanted.work else (None, None)
    progress("计算留出数字")
    model, held_out = (mixed.heads, mixed.held_out) if mixed else (linear.linear, linear.held_out)
    sets = held_sets(model, held_out, wanted.heads, facts_of(corpus, held_out))
    found = Evaluation("mixture" if mixed else "linear", [figure_of(held) for held in sets])
    if mixed and read:
        places, seconds = place_figure(*read), second_figures(mixed.settings, *read)
        cascade = cascade_figure(linear.linear, linear.held_out, mixed.settings, mixed.held_out)
        found = replace(found, places=places, seconds=seconds, cascade=cascade)
    if not wanted.ways:
        return found
    twin = _twin(corpus, wanted, sets, mixed, progress) if "pipeline" in wanted.ways and mixed else None
    rows, graph = _beside(corpus, wanted, sets, linear, mixed, twin, progress)
    return replace(found, beside=rows, graph=graph)


def check(wanted: Wanted) -> None:
    """Refuse before anything is read what cannot be done.

    Raises:
        BadRequest: with the repair.
    """
    from importlib.util import find_spec

    for names, name, options in ((wanted.heads, "--heads", HEADS), (wanted.ways, "--compare", WAYS)):
        for value in names:
            if value not in options:
                raise BadRequest(name=name, value=value, reason=f"应为 {'、'.join(options)} 之一")
    if wanted.train and not (wanted.encoder and wanted.work):
        raise BadRequest(name="--train", value="", reason="还要用 --encoder 给出预训练好的编码器目录")
    if "pipeline" in wanted.ways and not (wanted.work and encoder_of(wanted)):
        reason = "要用 --work 给出 minsheng train heads 的工作目录，用 --encoder 给出当时的编码器目录"
        raise BadRequest(name="--compare", value="pipeline", reason=reason)
    torch = wanted.train or "pipeline" in wanted.ways
    needed = (("torch", "train", torch), ("transformers", "train", torch), ("onnx", "train", torch),
              ("snownlp", "dev", "snownlp" in wanted.ways))  # fmt: skip
    for module, extra, asked in needed:
        if asked and find_spec(module) is None:
            raise BadRequest(name="evaluate", value=module, reason=f"没有安装。请运行 pip install 'minsheng[{extra}]'")


def encoder_of(wanted: Wanted) -> Path | None:
    """The folder of the encoder: as given, else the one that the work folder lies in, as `train heads` puts it."""
    from nlp.training.masked_model import has_weights

    if wanted.encoder or not wanted.work:
        return wanted.encoder
    parent = wanted.work.absolute().parent
    return parent if has_weights(parent) else None


def _kept(corpus: Corpus, wanted: Wanted) -> Logits | None:
    """The twin's logits of the work folder, before anything is fitted; None where there is none or it is to be made."""
    if not wanted.work or (wanted.train and not (wanted.work / HELD).is_file()):
        return None
    return load_logits(wanted.work / HELD, corpus)


def _mixed(corpus: Corpus, wanted: Wanted, linear: Judged, kept: Logits | None, recipe: Recipe,
           progress: Progress) -> tuple[Mixture, tuple[Logits, Examples]]:  # fmt: skip
    """The mixture of a work folder; the twin's logits, made here if none are `kept`, and the examples that they are of."""
    from nlp.training.examples import examples

    assert wanted.work is not None
    encoder = encoder_of(wanted)
    progress("切分词元")
    tokenizer = Tokenizer.load(encoder or wanted.work / SHIPPED)
    labelled = examples(corpus, tokenizer)
    logits = _make(corpus, wanted, linear, labelled, tokenizer, recipe, progress) if kept is None else kept
    return mixture(corpus, linear.linear, linear.seen, linear.held_out, logits, labelled), (logits, labelled)


def _make(corpus: Corpus, wanted: Wanted, linear: Judged, labelled: Examples, tokenizer: Tokenizer, recipe: Recipe,
          progress: Progress) -> Logits:  # fmt: skip
    """What `train heads` would leave in the work folder on its way, made in the same way."""
    assert wanted.encoder is not None  # `check` asks for both folders
    assert wanted.work is not None
    encoder, work = wanted.encoder, wanted.work
    progress("微调编码器的孪生（不看第 0、1 折），两核上约需半小时；结果留在工作目录，以后不必重做")
    work.mkdir(parents=True, exist_ok=True)
    further = unlabelled(corpus)
    more = with_texts(labelled, tokenizer, further)
    return held_out_logits(labelled, encoder, work, recipe, progress,
                           lambda: learn_from_teacher(more, corpus, further, linear.tuned, encoder, work))  # fmt: skip


def _twin(corpus: Corpus, wanted: Wanted, sets: list[Held], mixed: Mixture, progress: Progress) -> Twin:
    from nlp.training.heads import load_reader
    from nlp.training.peers import twin

    encoder = encoder_of(wanted)
    assert encoder is not None  # `check` asks for both folders
    assert wanted.work is not None
    reader = load_reader(encoder, wanted.work / READER)
    return twin(corpus, reader, Tokenizer.load(encoder), sets, mixed.held_out, mixed.mixes, Tenths(progress))


def _beside(corpus: Corpus, wanted: Wanted, sets: list[Held], linear: Judged, mixed: Mixture | None, twin: Twin | None,
            progress: Progress) -> tuple[list[Beside], list[Beside]]:  # fmt: skip
    """All ways on all sets, and int8 against float32."""
    from nlp.training.peers import PlainMachines, said, snow

    own = held_sets(linear.linear, linear.held_out, wanted.heads) if mixed else None
    machines, tenths = PlainMachines(corpus), Tenths(progress)
    rows: list[Beside] = []
    graph: list[Beside] = []
    known = [(NAMES["own"], own), (NAMES["pipeline"], twin and twin.pipeline), (NAMES["graph"], twin and twin.graph)]
    for held, others in _entries(sets, [(name, some) for name, some in known if some], signed="snownlp" in wanted.ways):
        told: list[tuple[str, Said | None]] = [(name, said(other)) for name, other in others.items()]
        if "linear" in wanted.ways:
            progress(f"TF-IDF + SVM {held.head} · {held.rows}")
            told.append((NAMES["linear"], machines(held)))
        if "snownlp" in wanted.ways:
            told.append((NAMES["snownlp"], snow(corpus, held, tenths.of(f"SnowNLP {held.rows}"))))
        rows += beside(held, NAMES["mixture" if mixed else "own"], told)
        if twin:
            graph += beside(
                others[NAMES["graph"]], NAMES["graph"], [(NAMES["pipeline"], said(others[NAMES["pipeline"]]))]
            )
    return rows, graph


def _entries(
    sets: list[Held], others: list[tuple[str, list[Held]]], *, signed: bool
) -> Iterator[tuple[Held, dict[str, Held]]]:
    """Each set with what the other models say of it; `signed`: the civic sentiment once more, as a question with two answers."""
    for place, held in enumerate(sets):
        found = {name: some[place] for name, some in others}
        yield held, found
        if signed and (held.head, held.rows) == ("sentiment", CIVIC):
            yield _sign(held), {name: _sign(other) for name, other in found.items()}


def _sign(held: Held) -> Held:
    return two_sided(held, SIGN, UNHAPPY, (0, 0, 1, 1))


class Tenths:
    """Progress of a long part in steps of a tenth."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._last = progress, ("", -1)

    def __call__(self, name: str, part: float) -> None:
        now = (name, int(part * 10))
        if now != self._last:
            self._last = now
            self._progress(f"{name} {part:.0%}")

    def of(self, name: str) -> Callable[[float], None]:
        return lambda part: self(name, part)
