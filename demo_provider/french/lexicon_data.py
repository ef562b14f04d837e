"""The lexicon's rows: verbs with English forms, aspect and objects, and their complements.

A `!` marks what the verb cannot do without. Objects name nouns of `nouns.py` or groups.
"""

from typing import Any, Final

GROUPS: Final = {
    "people": "frère, sœur, ami, amie, voisin, voisine, professeur, parents, enfant, Paul, Marie",
    "acquaintances": "ami, amie, voisin, voisine, professeur, directeur, directrice, Paul, Marie",
}

VERBS: Final = """
être | be is was been being | state | complement!

avoir | have has had had having | unordered | state | unwilled
only: im
direct!: rendez-vous, problème, idée, question, réponse, chance, temps, solution, courage, patience

aller | go goes went gone going | complement!

faire | do does did done doing
direct!: devoirs, exercice, vaisselle, ménage, lessive, courses

venir | come comes came come coming | complement!

prendre | take takes took taken taking
direct!: bus, train, métro, taxi, avion, médicament, douche, photo, parapluie, valise

mettre | put puts put put putting
only: dip
direct!: manteau, robe, chaussures, chapeau, lunettes, écharpe, pull, chemise

pouvoir | be is was been being | state | modal | complement!

vouloir | want wants wanted wanted wanting | state | modal
only: im
direct!: café, thé, dessert, glace, pain, soupe, lait, fromage

devoir | have has had had having | state | modal | complement!

dire | tell tells told told telling
direct!: vérité, secret, mensonge
indirect: people

lire | read reads read read reading
direct!: livre, lettre, journal, roman, article, message, histoire, poème
indirect: people

écrire | write writes wrote written writing
direct: lettre, message, roman, article, carte postale, poème
indirect: people

voir | see sees saw seen seeing | unordered | moment
direct!: film, maison, église, château, photo, people

finir | finish finishes finished finished finishing
direct!: devoirs, travail, livre, lettre, exercice, repas, leçon, roman, match

choisir | choose chooses chose chosen choosing
direct!: cadeau, robe, film, place, hôtel, dessert, livre, chanson, lampe, table

attendre | wait waits waited waited waiting
direct!: bus, train, réponse, lettre, taxi, people

parler | speak speaks spoke spoken speaking
indirect: people

donner | give gives gave given giving
direct!: cadeau, clé, livre, conseil, adresse, réponse, fleur, argent, numéro, photo
indirect: people

offrir | offer offers offered offered offering
direct!: cadeau, fleur, livre, bague, montre, écharpe, vélo
indirect: people

téléphoner | phone phones phoned phoned phoning
indirect!: people

montrer | show shows showed shown showing
direct!: photo, maison, lettre, chemin, robe, résultat, exercice, carte postale
indirect: people

manger | eat eats ate eaten eating
direct: pomme, pain, soupe, gâteau, légumes, fruits, fromage, viande, riz

boire | drink drinks drank drunk drinking
direct!: eau, café, thé, lait, jus d'orange

acheter | buy buys bought bought buying
direct!: pain, voiture, robe, journal, fleur, fruits, billet, vélo, livre, fromage, chaussures

vendre | sell sells sold sold selling
direct!: voiture, maison, vélo, livre, fleur, légumes, montre, table, lampe
indirect: people

regarder | watch watches watched watched watching
direct!: film, télévision, match, enfant, chat

écouter | listen listens listened listened listening
direct!: musique, chanson, radio, professeur, parents, enfant, directeur, directrice, Paul

aimer | love loves loved loved loving | unordered | lasting | unwilled
only: cpn
direct!: chanson, film, ville, robe, maison, frère, sœur, mère, père, parents, Paul, Marie

chercher | look looks looked looked looking
direct!: clé, lunettes, adresse, hôtel, chat, solution, médecin, téléphone, enfant

trouver | find finds found found finding | moment
direct!: clé, adresse, hôtel, solution, portefeuille, lunettes, réponse, billet

perdre | lose loses lost lost losing | moment | unwilled
only: dp
direct!: clé, portefeuille, montre, téléphone, parapluie, lunettes, billet

oublier | forget forgets forgot forgotten forgetting | moment | unwilled
only: dp
direct!: clé, adresse, rendez-vous, parapluie, sac, lunettes, règle

répondre | answer answers answered answered answering
indirect!: people

commencer | begin begins began begun beginning
direct!: travail, leçon, livre, exercice, roman, lettre, jeu, devoirs

envoyer | send sends sent sent sending
direct!: lettre, message, colis, photo, carte postale, argent, cadeau
indirect: people

préparer | prepare prepares prepared prepared preparing
direct!: repas, dîner, gâteau, leçon, valise, dessert, soupe

visiter | visit visits visited visited visiting
direct!: musée, château, ville, église, maison

rencontrer | meet meets met met meeting | moment
direct!: acquaintances

ouvrir | open opens opened opened opening
direct!: porte, fenêtre, lettre, boîte, colis, magasin, cadeau, valise

fermer | close closes closed closed closing
direct!: porte, fenêtre, boîte, magasin, valise, sac

payer | pay pays paid paid paying
only: dcp
direct!: facture, loyer, amende

appeler | call calls called called calling
direct!: médecin, taxi, police, people

apprendre | learn learns learned learned learning
direct!: leçon, poème, langue, chanson, règle

comprendre | understand understands understood understood understanding | unordered | state
direct!: question, leçon, problème, réponse, règle, exercice, blague, professeur

aider | help helps helped helped helping
direct!: people

inviter | invite invites invited invited inviting
direct!: people, acquaintances

laver | wash washes washed washed washing
only: dcp
direct!: voiture, pull, chemise, fenêtre, chien, légumes, vélo

porter | carry carries carried carried carrying
direct!: valise, sac, boîte, colis, table

raconter | tell tells told told telling
direct!: histoire, blague
indirect: people

expliquer | explain explains explained explained explaining
direct!: règle, problème, leçon, exercice, jeu, chemin
indirect: people

demander | ask asks asked asked asking
direct!: conseil, adresse, argent, clé, numéro, réponse
indirect: people

prêter | lend lends lent lent lending
direct!: livre, vélo, argent, voiture, parapluie, sac, manteau
indirect!: people

apporter | bring brings brought brought bringing
direct!: dessert, fleur, livre, cadeau, soupe, colis, gâteau
indirect: people

rendre | give gives gave given giving
direct!: livre, clé, vélo, argent, parapluie, sac
indirect: people

chanter | sing sings sang sung singing
direct: chanson

obéir | obey obeys obeyed obeyed obeying | moment
indirect!: parents, professeur, frère, sœur

étudier | study studies studied studied studying
direct: leçon, langue, règle, poème

arriver | arrive arrives arrived arrived arriving | complement!

partir | leave leaves left left leaving | complement!

entrer | go goes went gone going | complement!

rentrer | go goes went gone going | complement!

rester | stay stays stayed stayed staying | complement!

tomber | fall falls fell fallen falling | moment | unwilled | complement!

sortir | go goes went gone going | complement!

monter | go goes went gone going | complement!

descendre | go goes went gone going | complement!

retourner | go goes went gone going | complement!

travailler | work works worked worked working | complement!

habiter | live lives lived lived living | unordered | lasting | complement!

dormir | sleep sleeps slept slept sleeping | complement!

jouer | play plays played played playing | complement!

marcher | walk walks walked walked walking | complement!

courir | run runs ran run running | complement!

voyager | travel travels travelled travelled travelling | complement!

nager | swim swims swam swum swimming | complement!

danser | dance dances danced danced dancing | complement!

dîner | have has had had having | complement!

devenir | become becomes became become becoming | state | complement!

revenir | come comes came come coming | complement!

vivre | live lives lived lived living | lasting | complement!

recevoir | receive receives received received receiving | moment | unwilled | unordered
direct!: lettre, message, colis, cadeau, réponse, carte postale, argent, journal

connaître | know knows knew known knowing | lasting | unwilled | unordered
only: cdpn
direct!: chanson, ville, histoire, règle, amie, voisin, directrice, Paul, Marie

croire | believe believes believed believed believing | state | unordered
only: dcpn
direct!: histoire, mensonge, message, article, frère, sœur, voisin, Paul, Marie

servir | serve serves served served serving
direct!: dessert, soupe, repas, café, thé, gâteau
indirect: people

utiliser | use uses used used using
direct!: téléphone, vélo, voiture, sac, billet, parapluie

garder | keep keeps kept kept keeping | moment
only: dcpm
direct!: livre, clé, secret, argent, lettre, photo

jeter | throw throws threw thrown throwing
direct!: lettre, journal, boîte, message, billet, photo

suivre | follow follows followed followed following
direct!: règle, chemin, voiture, conseil, people
"""

PATTERNS: Final[dict[str, Any]] = {
    "pouvoir": {"rest": "able to"},
    "devoir": {"rest": "to"},
    "mettre": {"after_direct": "on"},
    "dire": {"before_indirect": "", "indirect_first": True},
    "attendre": {"before_direct": "for"},
    "téléphoner": {"before_indirect": ""},
    "écouter": {"before_direct": "to"},
    "chercher": {"before_direct": "for"},
    "répondre": {"before_indirect": ""},
    "obéir": {"before_indirect": ""},
    "demander": {"before_direct": "for", "before_indirect": "", "indirect_first": True},
    "rendre": {"after_direct": "back"},
    "entrer": {"rest": "into"},
    "rentrer": {"rest": "home"},
    "sortir": {"rest": "out"},
    "monter": {"rest": "up"},
    "descendre": {"rest": "down"},
    "retourner": {"rest": "back"},
    "dîner": {"rest": "dinner"},
    "revenir": {"rest": "back"},
    "jeter": {"after_direct": "away"},
}

_WISHES: Final = """
partir tôt | leave early
rester à la maison | stay at home
parler français | speak French
travailler ici | work here
aider Paul | help Paul
attendre le bus | wait for the bus
prendre le train | take the train
"""

COMPLEMENTS: Final = {
    "company": "avec Paul | with Paul\navec Marie | with Marie",
    "être": """
patient/patiente/patients/patientes | patient
prudent/prudente/prudents/prudentes | careful
poli/polie/polis/polies | polite
prêt/prête/prêts/prêtes | ready
à l'heure | on time
à la maison | at home
en retard | late | unwilled
fatigué/fatiguée/fatigués/fatiguées | tired | unwilled | fate
malade/malade/malades/malades | ill | unwilled | fate
content/contente/contents/contentes | happy | unwilled | fate
triste/triste/tristes/tristes | sad | unwilled
occupé/occupée/occupés/occupées | busy | unwilled | fate
""",
    "pouvoir": _WISHES,
    "devoir": _WISHES,
    "vouloir": "".join(
        f"{french}| to{english}\n"
        for french, english in (row.split("|") for row in _WISHES.strip().splitlines())
    ),
    "aller": """
au marché | to the market
à l'école | to school
au cinéma | to the cinema
à la plage | to the beach
chez le médecin | to the doctor's
""",
    "venir": """
à la fête | to the party
à pied | on foot
en train | by train
avec Paul | with Paul
""",
    "parler": """
français | French
avec le directeur | with the director
avec Marie | with Marie
""",
    "arriver": """
en retard | late | unwilled
à l'heure | on time
à la gare | at the station
à Paris | in Paris
""",
    "partir": """
tôt | early
en voiture | by car
avec Marie | with Marie
sans Paul | without Paul
""",
    "entrer": """
dans la maison | the house
dans le magasin | the shop
dans la cuisine | the kitchen
""",
    "rentrer": """
tard | late
à pied | on foot
en bus | by bus
avec Marie | with Marie
""",
    "rester": """
à la maison | at home
au lit | in bed
ici | here
chez Paul | at Paul's place
""",
    "tomber": """
dans la rue | in the street
dans l'escalier | on the stairs
sur la glace | on the ice
""",
    "sortir": """
avec Paul | with Paul
sans parapluie | without an umbrella
du bureau | of the office
""",
    "monter": """
au grenier | to the attic
au premier étage | to the first floor
dans la chambre | to the bedroom
""",
    "descendre": """
à la cave | to the cellar
au rez-de-chaussée | to the ground floor
dans la cuisine | to the kitchen
""",
    "retourner": """
à l'école | to school
au bureau | to the office
à Paris | to Paris
""",
    "travailler": """
à la maison | at home
au bureau | at the office
avec Marie | with Marie
dans le jardin | in the garden
""",
    "habiter": """
à Paris | in Paris
en France | in France
près de la gare | near the station
chez Paul | at Paul's place
""",
    "dormir": """
dans le salon | in the living room
à l'hôtel | at the hotel
chez Paul | at Paul's place
""",
    "jouer": """
au tennis | tennis
aux cartes | cards
du piano | the piano
dans le jardin | in the garden
""",
    "marcher": """
dans la forêt | in the forest
avec Paul | with Paul
sur la plage | on the beach
""",
    "courir": """
dans le parc | in the park
avec Paul | with Paul
sur la plage | on the beach
""",
    "voyager": """
en train | by train
en voiture | by car
avec Marie | with Marie
""",
    "nager": """
à la piscine | at the swimming pool
dans le lac | in the lake
dans la mer | in the sea
""",
    "danser": """
avec Paul | with Paul
dans la rue | in the street
à la fête | at the party
""",
    "dîner": """
au restaurant | at the restaurant
à la maison | at home
avec Marie | with Marie
chez Paul | at Paul's place
""",
    "devenir": """
célèbre/célèbre/célèbres/célèbres | famous
riche/riche/riches/riches | rich
patient/patiente/patients/patientes | patient
prudent/prudente/prudents/prudentes | careful
""",
    "revenir": """
à pied | on foot
en train | by train
à Paris | to Paris
avec Marie | with Marie
""",
    "vivre": """
à Paris | in Paris
en France | in France
avec Marie | with Marie
à la campagne | in the countryside
""",
    "chanter": """
sous la douche | in the shower
dans la cuisine | in the kitchen
avec Paul | with Paul
""",
    "étudier": """
à la bibliothèque | at the library
avec Marie | with Marie
""",
}
