"""Phone numbers: what may be dialed, and how a number looks in a log."""

import phonenumbers
from phonenumbers import PhoneNumberType, shortnumberinfo

from frontdesk.errors import NumberNotDialableError

_NEVER_DIALED = {
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.UAN: "a company-wide access number",
    PhoneNumberType.PAGER: "a pager",
    PhoneNumberType.VOICEMAIL: "a voicemail access number",
}


def dialable(number: str) -> str:
    """Return the number in E.164 form if it may be dialed.

    Args:
        number: A number in international form; spaces, dots, dashes and brackets are allowed.

    Raises:
        NumberNotDialableError: It is no international number, does not exist in its country's
            numbering plan, or is an emergency, short or premium-rate number.
    """
    if not number.strip().startswith("+"):
        raise NumberNotDialableError("Give the number in E.164 form: '+', country code, number.")
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException as error:
        raise NumberNotDialableError("This is not a phone number in E.164 form.") from error
    _refuse_short(parsed)
    if not phonenumbers.is_valid_number(parsed):
        raise NumberNotDialableError("No such number exists in its country's numbering plan.")
    kind = _NEVER_DIALED.get(phonenumbers.number_type(parsed))
    if kind is not None:
        raise NumberNotDialableError(f"This is {kind}, which is never dialed.")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _refuse_short(parsed: phonenumbers.PhoneNumber) -> None:
    national = str(parsed.national_number)
    region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    if shortnumberinfo.is_emergency_number(national, region):
        raise NumberNotDialableError("Emergency numbers are never dialed.")
    if shortnumberinfo.is_valid_short_number_for_region(
        phonenumbers.PhoneNumber(country_code=parsed.country_code, national_number=parsed.national_number),
        region,
    ):
        raise NumberNotDialableError("Short numbers are never dialed.")


def last_digits(number: str | None) -> str:
    """The last two digits of a number behind dots: tells two calls apart, but is too little to call back."""
    digits = "".join(character for character in number or "" if character.isdigit())
    return f"…{digits[-2:]}" if len(digits) > 4 else "withheld"  # noqa: PLR2004
