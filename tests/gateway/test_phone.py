"""Which numbers may be dialed."""

import pytest
from pydantic import ValidationError

from frontdesk.errors import NumberNotDialableError
from frontdesk.phone import dialable
from server_utils import DialoutSettings


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+12025550123", "+12025550123"),
        ("+1 (202) 555-0123", "+12025550123"),
        (" +44 20 7946 0000", "+442079460000"),
        ("+49 30 123456", "+4930123456"),
        ("+18005551234", "+18005551234"),
        ("+1-202.555/0123", "+12025550123"),
        ("+1[202]555\u00a00123", "+12025550123"),
        ("+1 202\u20115550123", "+12025550123"),
        ("+80012345678", "+80012345678"),
    ],
)
def test_usual_forms_become_e164(written: str, number: str) -> None:
    """An international number in any usual form is dialed in E.164 form."""
    assert dialable(written) == number


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("2025550123", "E.164"),
        ("0012025550123", "E.164"),
        ("+", "E.164"),
        ("+1x", "E.164"),
        ("+1911", "Emergency"),
        ("+44999", "Emergency"),
        ("+49112", "Emergency"),
        ("+1411", "Short"),
        ("+15551234567", "No such number"),
        ("+1202555012", "No such number"),
        ("+99912345678", "E.164"),
        ("+19002345678", "premium-rate"),
        ("+449098790000", "premium-rate"),
        ("+1 (415) 555-0187 ext 22", "`extension`"),
        ("+14155550187 Ext. 22", "`extension`"),
        ("+14155550187;ext=5", "`extension`"),
        ("+14155550187x22", "`extension`"),
        ("+14155550187 #22", "`extension`"),
        ("+14155550187,,22", "`extension`"),
        ("+1-800-FLOWERS", "digits 0 to 9"),
        ("+1415555018\uff17", "digits 0 to 9"),
        ("+14155550187\n", "digits 0 to 9"),
        ("\n+14155550187", "E.164"),
        ("+1415\t5550187", "digits 0 to 9"),
        ("+1415\x005550187", "digits 0 to 9"),
        ("+14155550187;phone-context=1", "digits 0 to 9"),
        pytest.param("+" + " " * 200_000 + "!", "digits 0 to 9", id="very long"),
        ("+870301234567", "Satellite"),
        ("+881612345678", "Satellite"),
        ("+8823421234", "Satellite"),
        ("+883510012345", "Satellite"),
        ("+878101234567890", "Satellite"),
        ("+88812345678901", "company-wide"),
        ("+979123456789", "premium-rate"),
        ("+80812345678", "shared-cost"),
    ],
)
def test_what_is_never_dialed_is_refused_with_the_reason(number: str, reason: str) -> None:
    """Each kind of number that is never dialed is refused by its kind, without repeating the number."""
    with pytest.raises(NumberNotDialableError, match=reason) as caught:
        dialable(number)
    assert number not in str(caught.value)


def test_a_model_collects_it() -> None:
    """In a model the refusal is a validation error like any other, so that all problems are told at once."""
    with pytest.raises(ValidationError) as caught:
        DialoutSettings.model_validate({"phone_number": "+1911", "caller_id": "no uuid"})
    assert {error["loc"][0] for error in caught.value.errors()} == {"phone_number", "caller_id"}
