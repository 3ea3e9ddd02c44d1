"""XML from strangers."""

from xml.etree import ElementTree

from potato.errors import DeliveryError


def parse_xml(text: str, name: str) -> ElementTree.Element:
    """The root of an XML document from a stranger: without a DTD, which could define entities.

    Raises:
        DeliveryError: if it has a DTD, or isn't well-formed.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DeliveryError(f"{name}: expected metadata, found a document that defines entities")
    try:
        return ElementTree.fromstring(text.encode())
    except ElementTree.ParseError as error:
        raise DeliveryError(f"{name}: expected XML, found none ({error}); fetch it again") from error
