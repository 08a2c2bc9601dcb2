"""Papers of a household: PDFs, an office document, notes. All their text is real and can be searched.

PDFs are written with pypdf, which the readers need anyway, in the fonts that every reader has, so nothing is embedded.
The office document is packed again with fixed times in its zip, so that the same text gives the same bytes.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime

import docx
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

A4 = (595, 842)


@dataclass(frozen=True, slots=True)
class Paper:
    """One document: its path in the library, its date (of the file too), title and paragraphs."""

    path: str
    date: str
    title: str
    lines: tuple[str, ...]


PAPERS: tuple[Paper, ...] = (
    Paper(
        "Documents/Warranty letter washing machine.pdf",
        "2021-03-15",
        "Warranty letter",
        (
            "Nordwind Appliances, Customer Service, Speicherstadt 4, Hamburg",
            "",
            "Dear customer,",
            "thank you for buying the washing machine Nordwind WM 7400, serial number NW-7400-218834.",
            "We give you a warranty of five years from 12 March 2021, until 12 March 2026.",
            "The warranty covers the motor, the drum and all electronic parts, and the work of our technician.",
            "Please keep this letter together with your receipt.",
            "",
            "With kind regards,",
            "Helene Brandt, Warranty department",
        ),
    ),
    Paper(
        "Documents/Insurance/Household insurance policy 2022.pdf",
        "2022-01-10",
        "Household insurance policy",
        (
            "Hanseatic Mutual Insurance - policy number HH-2022-774120",
            "",
            "Insured: contents of the flat, up to 65,000 euros, against fire, water, storm and burglary.",
            "Bicycles are insured outside the flat up to 1,500 euros if they were locked.",
            "Deductible: 150 euros for each claim. Yearly premium: 98.40 euros, due on 1 February.",
            "In case of damage call +49 40 5550 117 and take photographs before anything is moved.",
        ),
    ),
    Paper(
        "Documents/Boarding pass Lisbon.pdf",
        "2018-07-09",
        "Boarding pass",
        (
            "Passenger: A. LINDQVIST     Flight: AL 2613     Date: 09 JUL 2018",
            "From: Hamburg (HAM)     To: Lisbon (LIS)",
            "Boarding: 06:25     Gate: B34     Seat: 14A     Group: 3",
            "",
            "Please be at the gate 30 minutes before departure.",
            "Hand luggage: one piece, at most 8 kg.",
        ),
    ),
    Paper(
        "Documents/Receipts/Receipt coffee machine.pdf",
        "2023-11-24",
        "Receipt",
        (
            "Kaffeehaus Elektro, Lange Reihe 71, Hamburg",
            "Receipt no. 20231124-0087",
            "",
            "1 espresso machine Bellavista Duo      429.00 EUR",
            "2 bags of coffee beans, 1 kg             37.80 EUR",
            "Total, VAT 19 % included               466.80 EUR",
            "Paid by card. Two years guarantee with this receipt.",
        ),
    ),
    Paper(
        "Documents/Recipes/Pastéis de nata.pdf",
        "2018-08-02",
        "Recipe: Pastéis de nata",
        (
            "For twelve tarts you need puff pastry, 6 egg yolks, 200 g sugar, 300 ml milk, 30 g flour,",
            "one stick of cinnamon and the peel of a lemon.",
            "",
            "Boil sugar, water, cinnamon and lemon peel for three minutes. Whisk milk and flour,",
            "cook until it thickens, stir in the syrup and then the egg yolks.",
            "Fill the pastry and bake at 250 degrees for 15 minutes,",
            "until the custard has dark spots. Dust with cinnamon.",
        ),
    ),
    Paper(
        "Documents/Rental contract flat.pdf",
        "2015-02-20",
        "Rental contract",
        (
            "Between Elbe Wohnen GmbH (landlord) and A. Lindqvist (tenant).",
            "",
            "The flat in Hamburg, second floor, 64 square metres, is let from 1 April 2015.",
            "Monthly rent 780 euros, deposit three months' rent. Notice period: three months.",
            "Keeping a dog needs the consent of the landlord; a cat does not.",
        ),
    ),
    Paper(
        "Documents/Vaccination record dog.pdf",
        "2020-06-05",
        "Vaccination record",
        (
            "Animal: Luna, dog, female, born 2020-03-14. Chip 276 0981 0455 2210.",
            "",
            "Rabies: 5 June 2020, next due June 2023.",
            "Distemper, parvovirus: 5 June 2020, next due June 2021.",
            "Veterinary practice Dr. Okafor, Hamburg.",
        ),
    ),
    Paper(
        "Documents/Museum ticket Tokyo.pdf",
        "2023-04-05",
        "Museum of Drawn Things, Tokyo",
        (
            "Admission ticket, one adult, 5 April 2023, entry from 10:00 to 11:00.",
            "1,500 yen. Exhibition: Small Boats on Paper.",
        ),
    ),
)

NOTES: tuple[Paper, ...] = (
    Paper(
        "Notes/Packing list Iceland.md",
        "2019-08-30",
        "# Packing list Iceland",
        (
            "",
            "- rain jacket and warm socks",
            "- tripod for the northern lights",
            "- swimming things for the hot springs",
        ),
    ),
    Paper(
        "Notes/Books to read.md",
        "2022-05-11",
        "# Books to read",
        ("", "1. A history of lighthouses", "2. The cartographer's garden"),
    ),
    Paper(
        "Notes/Lisbon restaurants.txt",
        "2018-07-01",
        "Lisbon restaurants",
        (
            "Grilled sardines near the Alfama steps, closed on Mondays.",
            "Tram 28 early in the morning, before the queue.",
        ),
    ),
    Paper(
        "Notes/wifi.txt", "2020-12-03", "Guest network", ("Name: Lindqvist-Guests", "The password is on the fridge.")
    ),
    Paper(
        "Notes/Grünkohl.txt",
        "2017-11-12",
        "Grünkohl wie bei Oma",
        ("Grünkohl, Kassler, Kartoffeln - drei Stunden köcheln lassen.",),
    ),
)

LETTER = Paper(
    "Documents/Application letter.docx",
    "2019-01-17",
    "Application letter",
    (
        "Dear Ms Ferreira,",
        "I would like to apply for the position of illustrator for children's books that you advertised.",
        "For eight years I have drawn sailing boats, lighthouses and cats for magazines and museums.",
        "My portfolio is enclosed. I look forward to hearing from you.",
        "A. Lindqvist",
    ),
)


def _literal(text: str) -> bytes:
    raw = text.encode("cp1252", "replace")
    return b"(" + raw.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)") + b")"


def _wrap(line: str, width: int = 104) -> list[str]:
    out = [""]
    for word in line.split(" "):
        if out[-1] and len(out[-1]) + 1 + len(word) > width:
            out.append(word)
        else:
            out[-1] = f"{out[-1]} {word}" if out[-1] else word
    return out


def pdf(paper: Paper) -> bytes:
    """One page A4 with a coloured head line."""
    writer = PdfWriter()
    page = writer.add_blank_page(*A4)
    fonts = DictionaryObject()
    for name, font in (("/F1", "/Helvetica"), ("/F2", "/Helvetica-Bold")):
        described = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": font, "/Encoding": "/WinAnsiEncoding"}
        entry = DictionaryObject({NameObject(key): NameObject(value) for key, value in described.items()})
        fonts[NameObject(name)] = writer._add_object(entry)
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    parts = [
        b"0.18 0.38 0.62 rg 0 790 595 52 re f",
        b"1 1 1 rg BT /F2 20 Tf 56 808 Td " + _literal(paper.title) + b" Tj ET",
    ]
    parts.append(b"0.1 0.1 0.14 rg BT /F1 10 Tf 16 TL 56 750 Td")
    for line in paper.lines:
        parts += [_literal(piece) + b" Tj T*" for piece in _wrap(line)]
    parts.append(b"ET")
    content = DecodedStreamObject()
    content.set_data(b"\n".join(parts))
    page[NameObject("/Contents")] = writer._add_object(content)
    writer.add_metadata(
        {"/Title": paper.title, "/CreationDate": f"D:{paper.date.replace('-', '')}120000Z", "/Producer": "albumsd demo"}
    )
    sink = io.BytesIO()
    writer.write(sink)
    return sink.getvalue()


def note(paper: Paper) -> bytes:
    return "\n".join((paper.title, *paper.lines, "")).encode()


def letter(paper: Paper) -> bytes:
    """An office document (.docx)."""
    document = docx.Document()
    document.add_heading(paper.title, 1)
    for line in paper.lines:
        document.add_paragraph(line)
    when = datetime.fromisoformat(paper.date).replace(tzinfo=UTC)
    properties = document.core_properties
    properties.title, properties.author = paper.title, "A. Lindqvist"
    properties.created = properties.modified = when
    first, sink = io.BytesIO(), io.BytesIO()
    document.save(first)
    with zipfile.ZipFile(first) as source, zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, (when.year, when.month, when.day, 12, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))
    return sink.getvalue()
