"""The vocabulary of the sandbox's rows: names, places, sentences, in several scripts."""

from syncline.sandbox.randomness import below, choose, salt

FIRST_NAMES = (
    "Ada", "Amara", "Anna", "Ben", "Carlos", "Chloé", "Daniel", "Deepa", "Elif", "Emma", "Fatima",
    "Gabriel", "Grace", "Hiroshi", "Imani", "Ingrid", "Jack", "Joaquín", "Kofi", "Lena", "Łukasz",
    "Maria", "Mei", "Ngọc", "Noah", "Olivia", "Omar", "Priya", "Quentin", "Rosa", "Søren", "Tomás",
    "Uma", "Viktor", "Wei", "Ximena", "Yusuf", "Zoë", "Ольга", "美咲",
)  # fmt: skip
LAST_NAMES = (
    "Adeyemi", "Andersen", "Bianchi", "Brown", "Castillo", "Chen", "D'Angelo", "de la Cruz", "Díaz",
    "Eriksson", "Fischer", "García", "Hansen", "Ibrahim", "Jensen", "Johnson", "Kowalski", "Lee",
    "Lindqvist", "MacLeod", "Martin", "Müller", "Nakamura", "Nguyễn", "O'Brien", "Okafor", "Patel",
    "Petrov", "Quinn", "Rossi", "Šimić", "Smith", "Takahashi", "Usman", "van den Berg", "Williams",
    "Özdemir", "Zhang", "Иванова", "高橋",
)  # fmt: skip
COMPANIES = (
    "Acme Holdings", "Aurora Foods", "Blue Harbor Shipping", "Café Lumière", "Cedar & Stone",
    "Delta Robotics", "Evergreen Credit Union", "Fjord Energy", "Golden Gate Dental",
    'Hill "Top" Farms', "Ibex Outdoor", "Juniper Labs", "Kestrel Aviation", "Lumen Analytics",
    "Maple Transit", "Northwind Traders", "Orchid Health", "Pioneer Timber", "Quarry Lane Builders",
    "Riverside Hospice", "Straße & Söhne", "Tundra Mining", "Umbra Studios", "Vega Biotech",
    "Willow Insurance", "東京商事",
)  # fmt: skip
SUFFIXES = ("LLC", "Inc.", "Ltd", "GmbH", "& Partners", "Co.", "S.A.")
STREETS = (
    "Main St",
    "Queen St W",
    "Elm Avenue",
    "Harbour Rd",
    "Rue de l'Église",
    "5th Ave",
    "Oak Lane",
    "Höhenweg",
)
CITIES = (
    "Vancouver",
    "Toronto",
    "New York",
    "São Paulo",
    "Dublin",
    "München",
    "Sydney",
    "Montréal",
    "Austin",
)
PROVINCES = ("BC", "ON", "NY", "TX", "QC", "CA", "WA", "NSW")
COUNTRIES = ("US", "CA", "GB", "IE", "AU", "DE")
SUBJECTS = (
    "Contract review", "Deposition of witness", "Estate planning", "Patent application",
    "Lease negotiation", "Discovery requests", "Settlement conference", "Motion to dismiss",
    "Closing documents", "Intake call", "Trademark search", "Employment agreement",
    "Mediation brief", "Title search", "Trial preparation",
)  # fmt: skip
SENTENCES = (
    "Drafted the reply and sent it to the client for approval.",
    "Telephone call with opposing counsel; agreed to extend the deadline by two weeks.",
    "Reviewed 214 pages of discovery, flagged privileged material.",
    "Court appearance, waited 45 minutes, matter adjourned.",
    "Besprechung mit Mandant über die nächsten Schritte.",
    "Revisión del contrato de arrendamiento y notas al margen.",
    'Client asked for a "plain language" summary, see attachment.',
    "Filed the motion; fee paid from trust. 100% of the retainer is used.",
    "Conflict check done: none found. C:\\scans\\2026\\check.pdf", "客户要求下周开会。",
    "Meeting notes:\n- scope\n- budget\n- next steps",
    "Sent invoice, thanks to Zoë for the quick turnaround \U0001f389",
    "Travel to the site and back, mileage recorded separately.",
    "Research on limitation periods; see memo, section 3 (b) <draft>.",
)  # fmt: skip
EMOJI = ("\U0001f600", "\U0001f44d\U0001f3fd", "⚖️", "\U0001f4ce", "\U0001f469\u200d⚖️")
WORDS = (
    "alpha", "audit", "brief", "case", "client", "court", "draft", "estate", "filing", "general",
    "hearing", "intake", "invoice", "lease", "motion", "notice", "office", "patent", "retainer",
    "review", "standard", "summary", "trust", "urgent", "witness",
)  # fmt: skip

_TEXT = salt("text")
_LENGTH = salt("length")
_LONG = 40


def title(bits: int, field_salt: int) -> str:
    """A short heading."""
    return choose(bits, field_salt, SUBJECTS)


def text(bits: int, field_salt: int) -> str:
    """A note of one or two sentences; one in 200 has thousands of characters, some an emoji."""
    kind = below(bits, field_salt ^ _LENGTH, 200)
    if kind == 0:
        return " ".join(
            choose(bits, field_salt ^ (number << 8), SENTENCES) for number in range(_LONG)
        )
    first = choose(bits, field_salt ^ _TEXT, SENTENCES)
    if kind % 3 == 0:
        return first
    if kind % 17 == 0:
        return f"{first} {choose(bits, field_salt, EMOJI)}"
    return f"{first} {choose(bits, field_salt, SENTENCES)}"


def word(bits: int, field_salt: int) -> str:
    return choose(bits, field_salt, WORDS)


def phone(bits: int, field_salt: int) -> str:
    number = below(bits, field_salt, 10_000_000)
    return f"+1 604-{number // 10_000:03d}-{number % 10_000:04d}"


def street(bits: int, field_salt: int) -> str:
    return f"{below(bits, field_salt, 9900) + 10} {choose(bits, field_salt ^ _TEXT, STREETS)}"


def email(bits: int, field_salt: int) -> str:
    number = below(bits, field_salt, 100_000)
    return f"{choose(bits, field_salt ^ _TEXT, WORDS)}.{number}@example.com"
