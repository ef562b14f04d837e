"""Irregular verbs: present, participle, future stem, and what no rule gives."""

from typing import Final

from demo_provider.french.grammar import words

# infinitive: present (je tu il nous vous ils) | past participle | future stem
_TABLE: Final = """
être: suis es est sommes êtes sont | été | ser
avoir: ai as a avons avez ont | eu | aur
aller: vais vas va allons allez vont | allé | ir
faire: fais fais fait faisons faites font | fait | fer
venir: viens viens vient venons venez viennent | venu | viendr
tenir: tiens tiens tient tenons tenez tiennent | tenu | tiendr
prendre: prends prends prend prenons prenez prennent | pris | prendr
mettre: mets mets met mettons mettez mettent | mis | mettr
battre: bats bats bat battons battez battent | battu | battr
pouvoir: peux peux peut pouvons pouvez peuvent | pu | pourr
vouloir: veux veux veut voulons voulez veulent | voulu | voudr
devoir: dois dois doit devons devez doivent | dû | devr
savoir: sais sais sait savons savez savent | su | saur
recevoir: reçois reçois reçoit recevons recevez reçoivent | reçu | recevr
apercevoir: aperçois aperçois aperçoit apercevons apercevez aperçoivent | aperçu | apercevr
dire: dis dis dit disons dites disent | dit | dir
lire: lis lis lit lisons lisez lisent | lu | lir
écrire: écris écris écrit écrivons écrivez écrivent | écrit | écrir
décrire: décris décris décrit décrivons décrivez décrivent | décrit | décrir
inscrire: inscris inscris inscrit inscrivons inscrivez inscrivent | inscrit | inscrir
voir: vois vois voit voyons voyez voient | vu | verr
croire: crois crois croit croyons croyez croient | cru | croir
boire: bois bois boit buvons buvez boivent | bu | boir
rire: ris ris rit rions riez rient | ri | rir
plaire: plais plais plaît plaisons plaisez plaisent | plu | plair
connaître: connais connais connaît connaissons connaissez connaissent | connu | connaîtr
paraître: parais parais paraît paraissons paraissez paraissent | paru | paraîtr
naître: nais nais naît naissons naissez naissent | né | naîtr
vivre: vis vis vit vivons vivez vivent | vécu | vivr
suivre: suis suis suit suivons suivez suivent | suivi | suivr
courir: cours cours court courons courez courent | couru | courr
mourir: meurs meurs meurt mourons mourez meurent | mort | mourr
partir: pars pars part partons partez partent | parti | partir
sortir: sors sors sort sortons sortez sortent | sorti | sortir
dormir: dors dors dort dormons dormez dorment | dormi | dormir
servir: sers sers sert servons servez servent | servi | servir
sentir: sens sens sent sentons sentez sentent | senti | sentir
mentir: mens mens ment mentons mentez mentent | menti | mentir
ouvrir: ouvre ouvres ouvre ouvrons ouvrez ouvrent | ouvert | ouvrir
couvrir: couvre couvres couvre couvrons couvrez couvrent | couvert | couvrir
offrir: offre offres offre offrons offrez offrent | offert | offrir
souffrir: souffre souffres souffre souffrons souffrez souffrent | souffert | souffrir
cueillir: cueille cueilles cueille cueillons cueillez cueillent | cueilli | cueiller
fuir: fuis fuis fuit fuyons fuyez fuient | fui | fuir
envoyer: envoie envoies envoie envoyons envoyez envoient | envoyé | enverr
"""


def _parse(table: str) -> dict[str, tuple[str, ...]]:
    rows = {}
    for line in table.strip().splitlines():
        infinitive, _, rest = line.partition(": ")
        present, participle, future = rest.split(" | ")
        rows[infinitive] = (*present.split(), participle, future)
    return rows


IRREGULAR: Final = _parse(_TABLE)

# A verb conjugated as another one behind a prefix.
DERIVED: Final = {
    "apprendre": "prendre",
    "comprendre": "prendre",
    "reprendre": "prendre",
    "surprendre": "prendre",
    "revenir": "venir",
    "devenir": "venir",
    "prévenir": "venir",
    "parvenir": "venir",
    "intervenir": "venir",
    "obtenir": "tenir",
    "contenir": "tenir",
    "soutenir": "tenir",
    "retenir": "tenir",
    "maintenir": "tenir",
    "appartenir": "tenir",
    "permettre": "mettre",
    "promettre": "mettre",
    "remettre": "mettre",
    "admettre": "mettre",
    "combattre": "battre",
    "refaire": "faire",
    "défaire": "faire",
    "satisfaire": "faire",
    "redire": "dire",
    "relire": "lire",
    "élire": "lire",
    "réécrire": "écrire",
    "revoir": "voir",
    "sourire": "rire",
    "reconnaître": "connaître",
    "apparaître": "paraître",
    "disparaître": "paraître",
    "survivre": "vivre",
    "poursuivre": "suivre",
    "parcourir": "courir",
    "repartir": "partir",
    "ressortir": "sortir",
    "rendormir": "dormir",
    "ressentir": "sentir",
    "consentir": "sentir",
    "rouvrir": "ouvrir",
    "découvrir": "couvrir",
    "accueillir": "cueillir",
    "renvoyer": "envoyer",
}


def _forms(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SUBJONCTIF: Final = {
    "être": _forms("sois sois soit soyons soyez soient"),
    "avoir": _forms("aie aies ait ayons ayez aient"),
    "aller": _forms("aille ailles aille allions alliez aillent"),
    "faire": _forms("fasse fasses fasse fassions fassiez fassent"),
    "pouvoir": _forms("puisse puisses puisse puissions puissiez puissent"),
    "savoir": _forms("sache saches sache sachions sachiez sachent"),
    "vouloir": _forms("veuille veuilles veuille voulions vouliez veuillent"),
}

IMPERATIF: Final = {
    "être": _forms("sois soyons soyez"),
    "avoir": _forms("aie ayons ayez"),
    "savoir": _forms("sache sachons sachez"),
    "vouloir": _forms("veuille veuillons veuillez"),
}

WITHOUT_IMPERATIVE: Final = frozenset({"pouvoir", "devoir"})

WITH_ETRE: Final = words(
    "aller venir arriver partir entrer rentrer rester tomber sortir monter descendre retourner"
    " passer naître mourir décéder devenir revenir parvenir intervenir repartir ressortir"
    " remonter redescendre retomber"
)
