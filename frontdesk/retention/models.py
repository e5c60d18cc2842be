"""Whose data are erased, and the record of it: without the person."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Literal

SubjectKind = Literal["patient_id", "phone_number"]
_IN_ADDRESS = re.compile(r"(?:sips?:|tel:)?\+?([0-9]{7,15})(?:[@;].*)?", re.IGNORECASE)
_SEPARATORS = re.compile(r"[ ().\[\]/\u00a0\u2010-\u2015-]")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data: a patient by the CRM's id, or the person at a phone number (E.164)."""

    kind: SubjectKind
    value: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A call whose data are still there, with what tells whose they are."""

    id: str
    created_at: float
    patient_id: str | None
    phone_number: str | None


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased; times are UTC seconds.

    `subject_hash` is keyed with a secret of the installation, so that the record names nobody.
    `done_at` is None while calls of the person go on, or events for the CRM are under way.
    """

    id: str
    organization_id: str | None
    kind: Literal["retention", "request"]
    requested_by: str | None
    subject_hash: str | None
    requested_at: float
    done_at: float | None = None
    calls: int = 0
    turns: int = 0


def subject_hash(key: str, subject: Subject) -> str:
    """What the record holds of a person: an HMAC, so that nobody finds the number by trying all."""
    content = f"{subject.kind}\0{subject.value}".encode()
    return hmac.digest(key.encode(), content, hashlib.sha256).hex()


def concerns(candidate: Candidate, key: str, wanted: str) -> bool:
    """Whether a call is that of the person whose hash this is."""
    subjects: list[Subject] = []
    if candidate.patient_id is not None:
        subjects.append(Subject("patient_id", candidate.patient_id))
    if candidate.phone_number is not None:
        subjects.append(Subject("phone_number", _international(candidate.phone_number)))
    return any(hmac.compare_digest(subject_hash(key, subject), wanted) for subject in subjects)


def _international(number: str) -> str:
    """The E.164 number in what the phone network says: also one of a SIP address, or without its `+`."""
    plain = plain_number(number)
    found = _IN_ADDRESS.fullmatch(plain)
    return plain if found is None else f"+{found[1]}"


def plain_number(number: str) -> str:
    """A number without its spaces, brackets and dashes."""
    return _SEPARATORS.sub("", number)
