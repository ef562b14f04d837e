"""Exact forms, by table and by rule."""

import pytest

from demo_provider.french.conjugation import conjugate, paradigm
from demo_provider.french.errors import ImpossibleBrief, UnknownVerb
from demo_provider.french.grammar import PRONOUNS, TENSES, agree, elide
from demo_provider.french.lexicon import LEXICON

# infinitive: present | imparfait je, nous | futur je | subjonctif je, nous, ils | participle
FORMS = """
être: suis es est sommes êtes sont | étais étions | serai | sois soyons soient | été
avoir: ai as a avons avez ont | avais avions | aurai | aie ayons aient | eu
aller: vais vas va allons allez vont | allais allions | irai | aille allions aillent | allé
faire: fais fais fait faisons faites font | faisais faisions | ferai | fasse fassions fassent | fait
venir: viens viens vient venons venez viennent | venais venions | viendrai | vienne venions viennent | venu
prendre: prends prends prend prenons prenez prennent | prenais prenions | prendrai | prenne prenions prennent | pris
mettre: mets mets met mettons mettez mettent | mettais mettions | mettrai | mette mettions mettent | mis
pouvoir: peux peux peut pouvons pouvez peuvent | pouvais pouvions | pourrai | puisse puissions puissent | pu
vouloir: veux veux veut voulons voulez veulent | voulais voulions | voudrai | veuille voulions veuillent | voulu
devoir: dois dois doit devons devez doivent | devais devions | devrai | doive devions doivent | dû
dire: dis dis dit disons dites disent | disais disions | dirai | dise disions disent | dit
lire: lis lis lit lisons lisez lisent | lisais lisions | lirai | lise lisions lisent | lu
écrire: écris écris écrit écrivons écrivez écrivent | écrivais écrivions | écrirai | écrive écrivions écrivent | écrit
voir: vois vois voit voyons voyez voient | voyais voyions | verrai | voie voyions voient | vu
boire: bois bois boit buvons buvez boivent | buvais buvions | boirai | boive buvions boivent | bu
courir: cours cours court courons courez courent | courais courions | courrai | coure courions courent | couru
offrir: offre offres offre offrons offrez offrent | offrais offrions | offrirai | offre offrions offrent | offert
envoyer: envoie envoies envoie envoyons envoyez envoient | envoyais envoyions | enverrai | envoie envoyions envoient | envoyé
apprendre: apprends apprends apprend apprenons apprenez apprennent | apprenais apprenions | apprendrai | apprenne apprenions apprennent | appris
finir: finis finis finit finissons finissez finissent | finissais finissions | finirai | finisse finissions finissent | fini
attendre: attends attends attend attendons attendez attendent | attendais attendions | attendrai | attende attendions attendent | attendu
parler: parle parles parle parlons parlez parlent | parlais parlions | parlerai | parle parlions parlent | parlé
manger: mange manges mange mangeons mangez mangent | mangeais mangions | mangerai | mange mangions mangent | mangé
commencer: commence commences commence commençons commencez commencent | commençais commencions | commencerai | commence commencions commencent | commencé
acheter: achète achètes achète achetons achetez achètent | achetais achetions | achèterai | achète achetions achètent | acheté
appeler: appelle appelles appelle appelons appelez appellent | appelais appelions | appellerai | appelle appelions appellent | appelé
payer: paie paies paie payons payez paient | payais payions | paierai | paie payions paient | payé
essuyer: essuie essuies essuie essuyons essuyez essuient | essuyais essuyions | essuierai | essuie essuyions essuient | essuyé
préférer: préfère préfères préfère préférons préférez préfèrent | préférais préférions | préférerai | préfère préférions préfèrent | préféré
protéger: protège protèges protège protégeons protégez protègent | protégeais protégions | protégerai | protège protégions protègent | protégé
étudier: étudie étudies étudie étudions étudiez étudient | étudiais étudiions | étudierai | étudie étudiions étudient | étudié
créer: crée crées crée créons créez créent | créais créions | créerai | crée créions créent | créé
traduire: traduis traduis traduit traduisons traduisez traduisent | traduisais traduisions | traduirai | traduise traduisions traduisent | traduit
peindre: peins peins peint peignons peignez peignent | peignais peignions | peindrai | peigne peignions peignent | peint
rompre: romps romps rompt rompons rompez rompent | rompais rompions | romprai | rompe rompions rompent | rompu
"""  # noqa: E501  a table reads by its columns


@pytest.mark.parametrize("row", FORMS.strip().splitlines(), ids=lambda row: row.split(":")[0])
def test_simple_forms_are_exact(row: str) -> None:
    infinitive, _, rest = row.partition(": ")
    present, imparfait, futur, subjonctif, participle = [cell.split() for cell in rest.split(" | ")]
    forms = paradigm(infinitive)
    assert list(forms.present) == present
    assert [forms.imparfait[0], forms.imparfait[3]] == imparfait
    assert [forms.futur_simple[0]] == futur
    assert [forms.subjonctif[0], forms.subjonctif[3], forms.subjonctif[5]] == subjonctif
    assert [forms.participle] == participle
    assert forms.conditionnel[0] == f"{futur[0]}s"


def test_a_whole_future_and_conditional():
    forms = paradigm("venir")
    assert forms.futur_simple == (
        "viendrai", "viendras", "viendra", "viendrons", "viendrez", "viendront",
    )  # fmt: skip
    assert forms.conditionnel == (
        "viendrais", "viendrais", "viendrait", "viendrions", "viendriez", "viendraient",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("infinitive", "orders"),
    [
        ("parler", ("parle", "parlons", "parlez")),
        ("aller", ("va", "allons", "allez")),
        ("offrir", ("offre", "offrons", "offrez")),
        ("finir", ("finis", "finissons", "finissez")),
        ("être", ("sois", "soyons", "soyez")),
        ("avoir", ("aie", "ayons", "ayez")),
        ("dire", ("dis", "disons", "dites")),
        ("pouvoir", None),
    ],
)
def test_imperatives_lose_the_s_of_er_verbs(infinitive, orders):
    assert paradigm(infinitive).imperatif == orders


@pytest.mark.parametrize(
    ("infinitive", "tense", "pronoun", "form"),
    [
        ("aller", "passe_compose", "je", "suis allé"),
        ("aller", "passe_compose", "elle", "est allée"),
        ("venir", "plus_que_parfait", "elles", "étaient venues"),
        ("arriver", "passe_compose", "on", "est arrivés"),
        ("lire", "passe_compose", "elles", "ont lu"),
        ("être", "passe_compose", "nous", "avons été"),
        ("devoir", "plus_que_parfait", "je", "avais dû"),
        ("revenir", "passe_compose", "ils", "sont revenus"),
    ],
)
def test_compound_tenses_take_their_auxiliary(infinitive, tense, pronoun, form):
    assert conjugate(infinitive, tense, pronoun) == form


@pytest.mark.parametrize(
    ("infinitive", "present", "future"),
    [
        ("sécher", "sèche", "sécherai"),
        ("lécher", "lèche", "lécherai"),
        ("surgeler", "surgèle", "surgèlerai"),
        ("écarteler", "écartèle", "écartèlerai"),
        ("celer", "cèle", "cèlerai"),
        ("ciseler", "cisèle", "cisèlerai"),
        ("corseter", "corsète", "corsèterai"),
        ("fileter", "filète", "filèterai"),
        ("épeler", "épelle", "épellerai"),
        ("briefer", "briefe", "brieferai"),
    ],
)
def test_the_vowel_before_a_mute_e_is_open(infinitive, present, future):
    forms = paradigm(infinitive)

    assert (forms.present[0], forms.subjonctif[0]) == (present, present)
    assert forms.futur_simple[0] == future


@pytest.mark.parametrize(
    "infinitive",
    [
        "bruire",
        "chauvir",
        "reluire",
        "falloir",
        "coudre",
        "haïr",
        "se laver",
        "résoudre",
        "xyz",
        "er",
        "conclure",
        "recourir",
        "",
    ],
)
def test_what_no_rule_covers_is_unknown(infinitive):
    with pytest.raises(UnknownVerb, match="unknown verb"):
        paradigm(infinitive)


def test_case_blanks_and_decomposed_accents_do_not_matter():
    assert paradigm(" Pre\u0301fe\u0301rer ") == paradigm("préférer")


def test_nobody_orders_in_the_first_person():
    with pytest.raises(ImpossibleBrief, match="no imperative"):
        conjugate("parler", "imperatif", "je")


def test_every_verb_of_the_lexicon_has_every_form():
    for infinitive in LEXICON:
        for tense in TENSES:
            for pronoun in PRONOUNS:
                if tense != "imperatif":
                    assert conjugate(infinitive, tense, pronoun).strip()


def test_participles_agree():
    assert agree("lu", feminine=True, plural=True) == "lues"
    assert agree("pris", feminine=False, plural=True) == "pris"
    assert agree("pris", feminine=True, plural=False) == "prise"
    assert agree("dû", feminine=True, plural=False) == "due"


def test_elision_knows_the_aspirated_h():
    assert elide("le", "hôtel") == "l'hôtel"
    assert elide("la", "école") == "l'école"
    assert elide("de", "haricots") == "de haricots"
    assert elide("le", "train") == "le train"
