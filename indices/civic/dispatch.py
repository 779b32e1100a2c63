"""Dispatch: who should take a demand, how sure that is, and why; or that a person has to decide.

The classifier gives probabilities over department codes; a binding row of the city's catalogue decides instead where the
topic is certain. A demand goes to a person where the model does not dare to answer, and always where life or limb may
be in danger (urgency 3, or words that say so): a wrong suggestion costs more there than the minute that a person needs.
"""

from __future__ import annotations

from datetime import date

from indices.civic.catalogue import Catalogue
from indices.civic.danger import danger
from models.clock import city_day, now
from models.errors import EmptyText
from models.figures import Reason, Routing, SimilarOrder
from models.ports import Reader
from models.query import Query, Some, Sort, Tokens
from models.record import Candidate, Record
from nlp.annotate import Annotator, Draft, Reading
from nlp.similar import similarity

REASON_WORDS = 6
SIMILAR = 5
_POOL = 40  # nearest by words, of which the most alike are shown
_DANGER = 3


class Dispatcher:
    def __init__(self, annotator: Annotator, catalogue: Catalogue, reader: Reader) -> None:
        self._annotator, self._catalogue, self._reader = annotator, catalogue, reader

    def route(self, title: str, text: str, *, district: str | None = None, street: str | None = None, day: date | None = None,
              exclude: str = "") -> Routing:  # fmt: skip
        """Route one demand; nothing is stored. `exclude`: a record id that is not an example for itself. Raises EmptyText."""
        if not (title.strip() or text.strip()):
            raise EmptyText(source="route", native_id="-")
        reading = self._annotator.annotate([Draft(title=title, text=text)])[0]
        note, day = reading.annotation, day or city_day(now())
        certain = "department" not in note.abstained and bool(note.departments)
        best = note.departments[0] if note.departments else None
        code, confidence, rule = (best.label, best.probability, "") if best else (None, 0.0, "")
        if (entry := self._catalogue.binding(note.topic, note.subtopic, district, day)) and note.topic is not None:
            code, rule, certain = entry.code, entry.in_words(), True
            confidence = note.topics[0].probability if note.topics else confidence
        words = danger(f"{reading.title}\n{reading.text}")
        urgency = _DANGER if words else note.urgency
        to_person = not certain or urgency >= _DANGER
        unit = self._catalogue.office(code, note.topic, note.subtopic, district, day) if code else None
        return Routing(
            department=None if to_person else code, confidence=round(confidence, 4), candidates=self._candidates(reading, code),
            reason=Reason(words=self._words(reading, title, text, code), rule=self._why(rule, to_person, urgency, words)),
            similar=self._similar(reading, district, street, exclude), to_person=to_person, unit=None if to_person else unit,
            topic=note.topic, demand_type=note.demand_type, urgency=urgency, model=self._annotator.version,
        )  # fmt: skip

    @staticmethod
    def _candidates(reading: Reading, decided: str | None) -> tuple[Candidate, ...]:
        """The three most probable departments; one that the catalogue decided comes first."""
        probabilities = reading.probabilities.get("department", {})
        if decided is not None:
            probabilities = {decided: 0.0, **probabilities}  # the catalogue may name one that the model was not taught
        order = sorted(probabilities, key=lambda code: (code != decided, -probabilities[code]))
        return tuple(Candidate(label=code, probability=round(probabilities[code], 4)) for code in order[:3])

    def _words(self, reading: Reading, title: str, text: str, code: str | None) -> tuple[tuple[str, float], ...]:
        if code is None or code not in reading.probabilities.get("department", {}):
            return ()
        found = self._annotator.explain(title, text, "department", code, n=REASON_WORDS)
        return tuple((word, round(weight, 3)) for word, weight in found if weight > 0)

    @staticmethod
    def _why(rule: str, to_person: bool, urgency: int, words: str) -> str:
        if urgency >= _DANGER:
            known = "；".join(filter(None, (f"文中有「{words}」" if words else "", rule)))
            return "可能危及人身安全，须由人工即刻处理" + (f"（{known}）" if known else "")
        return rule or ("把握不足，请人工判断" if to_person else "按文字判断，派单目录没有强制规定")

    def _similar(
        self, reading: Reading, district: str | None, street: str | None, exclude: str
    ) -> tuple[SimilarOrder, ...]:
        """Earlier orders that are most alike in words, those of the same street or district a little nearer."""
        words = reading.annotation.keywords or reading.annotation.title_tokens
        if not words:
            return ()
        match = Some(parts=tuple(Tokens(tokens=(word,)) for word in words))
        hits = self._reader.search(Query(match=match, sort=Sort.RELEVANCE, size=_POOL)).hits
        body = f"{reading.title}\n{reading.text}"

        def nearness(record: Record) -> float:
            same = (record.street == street and street is not None) + (
                record.district == district and district is not None
            )
            return similarity(body, record.body) + 0.05 * same

        # Stable: what is equally near, mostly orders in quite other words, stays in the order of the search.
        ranked = sorted((hit.record for hit in hits if hit.record.id != exclude), key=nearness, reverse=True)
        return tuple(
            SimilarOrder(id=r.native_id or r.id, record_id=r.id, title=r.title or r.text[:40],
                         department=r.department or _suggested(r), similarity=round(similarity(body, r.body), 3))
            for r in ranked[:SIMILAR]
        )  # fmt: skip


def _suggested(record: Record) -> str | None:
    return record.annotation.departments[0].label if record.annotation and record.annotation.departments else None
