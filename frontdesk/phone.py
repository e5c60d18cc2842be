"""Phone numbers: what may be dialed, and how a number looks in a log."""

import re

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

_WRITTEN = re.compile(r"\+[0-9 ().\[\]/\u00a0\u2010-\u2015-]+")
_WITH_EXTENSION = re.compile(
    rf"{_WRITTEN.pattern}[;,]? ?(ext(ension|n)?|x|#|,)[.:=]? ?[0-9*#]+", re.IGNORECASE
)
_NO_COUNTRY = "001"


def dialable(number: str) -> str:
    """Return the number in E.164 form if it may be dialed.

    Args:
        number: A number in international form; spaces, dots, dashes, slashes and brackets are allowed.

    Raises:
        NumberNotDialableError: It is no international number, does not exist in its country's
            numbering plan, has an extension or letters, or is an emergency, short, premium-rate, satellite
            or international-network number.
    """
    parsed = _parsed(number.strip(" "))
    _refuse_short(parsed)
    if not phonenumbers.is_valid_number(parsed):
        raise NumberNotDialableError("No such number exists in its country's numbering plan.")
    kind = _NEVER_DIALED.get(phonenumbers.number_type(parsed))
    if kind is not None:
        raise NumberNotDialableError(f"This is {kind}, which is never dialed.")
    _refuse_networks(parsed)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _parsed(number: str) -> phonenumbers.PhoneNumber:
    if _WITH_EXTENSION.fullmatch(number):
        raise NumberNotDialableError("Put the extension into the field `extension`, not into the number.")
    if not number.startswith("+"):
        raise NumberNotDialableError("Give the number in E.164 form: '+', country code, number.")
    if not _WRITTEN.fullmatch(number):
        raise NumberNotDialableError("Write the number in E.164 form, with the digits 0 to 9 alone.")
    try:
        return phonenumbers.parse(number)
    except phonenumbers.NumberParseException as error:
        raise NumberNotDialableError("This is not a phone number in E.164 form.") from error


def _refuse_networks(parsed: phonenumbers.PhoneNumber) -> None:
    """Satellites and networks without a country cost dollars a minute: the usual prize of toll fraud."""
    region = phonenumbers.region_code_for_number(parsed)
    if region == _NO_COUNTRY and phonenumbers.number_type(parsed) != PhoneNumberType.TOLL_FREE:
        raise NumberNotDialableError("Satellite and international-network numbers are never dialed.")


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
