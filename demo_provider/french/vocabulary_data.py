"""Words of the offline vocabulary, grouped by semantic field.

Four lines a word: headword (nouns with m or f), part of speech, translation, level; a definition
in simple French; an example; the example in English.
"""

from typing import Final

ROWS: Final[dict[str, str]] = {
    "maison": """
maison f | noun | house | A1
Bâtiment où l'on habite.
Notre maison a un grand jardin.
Our house has a large garden.

cuisine f | noun | kitchen | A1
Pièce où l'on prépare les repas.
Elle prépare le dîner dans la cuisine.
She is preparing dinner in the kitchen.

fenêtre f | noun | window | A1
Ouverture dans un mur qui laisse entrer la lumière.
Ouvre la fenêtre, il fait chaud.
Open the window, it is hot.

clé f | noun | key | A1
Petit objet en métal qui sert à ouvrir une porte.
J'ai perdu la clé de la maison.
I have lost the key to the house.

escalier m | noun | staircase | A2
Suite de marches qui permet de monter ou de descendre.
L'escalier mène au premier étage.
The staircase leads to the first floor.

loyer m | noun | rent | B1
Argent que l'on paie chaque mois pour habiter un logement.
Nous payons le loyer au début du mois.
We pay the rent at the beginning of the month.

voisin m | noun | neighbour | A2
Homme qui habite près de chez nous.
Mon voisin joue du piano le soir.
My neighbour plays the piano in the evening.

ranger | verb | to tidy up | A2
Mettre les choses à leur place.
Les enfants rangent leur chambre.
The children are tidying up their room.

habiter | verb | to live | A1
Avoir son logement dans un lieu.
Ils habitent à Lyon depuis deux ans.
They have lived in Lyon for two years.

nettoyer | verb | to clean | A2
Rendre propre.
Je nettoie la table après le repas.
I clean the table after the meal.

confortable | adjective | comfortable | A2
Où l'on se sent bien.
Ce fauteuil est très confortable.
This armchair is very comfortable.

propre | adjective | clean | A2
Qui n'est pas sale.
La salle de bains est propre.
The bathroom is clean.
""",
    "nourriture": """
pain m | noun | bread | A1
Aliment fait de farine, d'eau et de sel, cuit au four.
Il achète du pain tous les matins.
He buys bread every morning.

pomme f | noun | apple | A1
Fruit rond, rouge, vert ou jaune.
Elle mange une pomme à dix heures.
She eats an apple at ten o'clock.

repas m | noun | meal | A1
Nourriture que l'on prend à certaines heures de la journée.
Le repas du soir est à sept heures.
The evening meal is at seven o'clock.

fromage m | noun | cheese | A1
Aliment fait avec du lait.
La France a beaucoup de fromages.
France has many cheeses.

assiette f | noun | plate | A2
Objet plat dans lequel on mange.
Mets les assiettes sur la table.
Put the plates on the table.

recette f | noun | recipe | A2
Texte qui explique comment préparer un plat.
Ma grand-mère m'a donné cette recette.
My grandmother gave me this recipe.

goût m | noun | taste | B1
Ce que l'on sent dans la bouche quand on mange.
Cette soupe a un goût de carotte.
This soup tastes of carrot.

cuisiner | verb | to cook | A2
Préparer à manger.
Mon père cuisine le dimanche.
My father cooks on Sundays.

boire | verb | to drink | A1
Avaler un liquide.
Nous buvons de l'eau à table.
We drink water at the table.

goûter | verb | to taste | B1
Manger un peu d'un plat pour savoir s'il est bon.
Goûte la sauce avant de la servir.
Taste the sauce before serving it.

sucré | adjective | sweet | A2
Qui contient du sucre.
Ce gâteau est trop sucré.
This cake is too sweet.

délicieux | adjective | delicious | A2
Très bon à manger ou à boire.
Ton gâteau est délicieux.
Your cake is delicious.
""",
    "ville et transports": """
rue f | noun | street | A1
Chemin dans une ville, avec des maisons de chaque côté.
La boulangerie est dans cette rue.
The bakery is in this street.

gare f | noun | railway station | A1
Lieu où les trains s'arrêtent.
Le train arrive à la gare à midi.
The train arrives at the station at noon.

billet m | noun | ticket | A2
Papier qui donne le droit de voyager ou d'entrer.
J'ai acheté deux billets pour Paris.
I bought two tickets to Paris.

vélo m | noun | bike | A1
Véhicule à deux roues que l'on fait avancer avec les pieds.
Elle va au travail à vélo.
She goes to work by bike.

pont m | noun | bridge | A2
Construction qui permet de passer au-dessus d'une rivière.
Le pont traverse la rivière.
The bridge crosses the river.

carrefour m | noun | crossroads | B1
Endroit où plusieurs routes se croisent.
Tournez à gauche au carrefour.
Turn left at the crossroads.

retard m | noun | delay | B1
Fait d'arriver après l'heure prévue.
Le train a dix minutes de retard.
The train is ten minutes late.

traverser | verb | to cross | A2
Passer d'un côté à l'autre.
Regarde bien avant de traverser la rue.
Look carefully before crossing the street.

conduire | verb | to drive | A2
Faire avancer une voiture et la diriger.
Mon frère apprend à conduire.
My brother is learning to drive.

marcher | verb | to walk | A1
Avancer à pied.
Nous marchons une heure chaque jour.
We walk for an hour every day.

rapide | adjective | fast | A2
Qui va vite.
Le métro est plus rapide que le bus.
The underground is faster than the bus.

bruyant | adjective | noisy | B1
Qui fait beaucoup de bruit.
Cette avenue est très bruyante.
This avenue is very noisy.
""",
    "école et travail": """
livre m | noun | book | A1
Ensemble de pages imprimées que l'on peut lire.
Ce livre raconte un voyage.
This book tells the story of a journey.

leçon f | noun | lesson | A1
Ce qu'un professeur enseigne en une fois.
La leçon commence à neuf heures.
The lesson begins at nine o'clock.

bureau m | noun | office | A2
Lieu où l'on travaille, souvent assis.
Elle arrive au bureau à huit heures.
She arrives at the office at eight o'clock.

devoirs m | noun | homework | A1
Travail qu'un élève fait après la classe.
Il fait ses devoirs avant le dîner.
He does his homework before dinner.

réunion f | noun | meeting | B1
Moment où des personnes se retrouvent pour parler d'un sujet.
La réunion a duré deux heures.
The meeting lasted two hours.

métier m | noun | profession | A2
Travail que l'on sait faire et qui permet de gagner sa vie.
Quel métier veux-tu faire plus tard ?
What profession do you want to have later?

collègue m | noun | colleague | B1
Personne qui travaille au même endroit que nous.
Mon collègue parle trois langues.
My colleague speaks three languages.

apprendre | verb | to learn | A1
Recevoir une connaissance nouvelle.
Nous apprenons le français à l'école.
We learn French at school.

réussir | verb | to succeed | B1
Obtenir un bon résultat.
Elle a réussi son examen.
She passed her exam.

expliquer | verb | to explain | A2
Faire comprendre.
Le professeur explique la règle.
The teacher is explaining the rule.

facile | adjective | easy | A1
Que l'on fait sans effort.
Cet exercice est facile.
This exercise is easy.

utile | adjective | useful | A2
Qui sert à quelque chose.
Un dictionnaire est toujours utile.
A dictionary is always useful.
""",
    "nature et temps": """
arbre m | noun | tree | A1
Grande plante avec un tronc et des branches.
Un oiseau chante dans l'arbre.
A bird is singing in the tree.

pluie f | noun | rain | A1
Eau qui tombe des nuages.
La pluie tombe depuis ce matin.
The rain has been falling since this morning.

rivière f | noun | river | A2
Eau qui coule entre deux rives.
Les enfants nagent dans la rivière.
The children are swimming in the river.

montagne f | noun | mountain | A2
Très grande élévation de terrain.
En hiver, la montagne est blanche.
In winter, the mountain is white.

neige f | noun | snow | A2
Eau gelée qui tombe en flocons blancs.
La neige couvre les toits.
The snow covers the roofs.

orage m | noun | thunderstorm | B1
Mauvais temps avec du tonnerre et des éclairs.
L'orage a réveillé tout le village.
The thunderstorm woke up the whole village.

saison f | noun | season | A2
Une des quatre parties de l'année.
L'automne est ma saison préférée.
Autumn is my favourite season.

pleuvoir | verb | to rain | A2
Tomber du ciel, en parlant de l'eau.
Il pleut souvent en novembre.
It often rains in November.

briller | verb | to shine | B1
Donner ou renvoyer de la lumière.
Le soleil brille ce matin.
The sun is shining this morning.

pousser | verb | to grow | B1
Devenir plus grand, en parlant d'une plante.
Les tomates poussent vite en été.
Tomatoes grow quickly in summer.

froid | adjective | cold | A1
Dont la température est basse.
L'eau du lac est froide.
The water of the lake is cold.

profond | adjective | deep | B1
Dont le fond est loin de la surface.
Cette rivière est profonde.
This river is deep.
""",
    "corps et émotions": """
main f | noun | hand | A1
Partie du corps au bout du bras, avec cinq doigts.
Lave tes mains avant de manger.
Wash your hands before eating.

tête f | noun | head | A1
Partie du corps qui porte le visage et les cheveux.
J'ai mal à la tête.
I have a headache.

santé f | noun | health | A2
État du corps et de l'esprit.
Le sport est bon pour la santé.
Sport is good for your health.

joie f | noun | joy | A2
Sentiment d'une personne heureuse.
Quelle joie de vous revoir !
What a joy to see you again!

peur f | noun | fear | A2
Ce que l'on ressent devant un danger.
Mon petit frère a peur du noir.
My little brother is afraid of the dark.

espoir m | noun | hope | B1
Fait d'attendre quelque chose de bon.
Il garde l'espoir de la retrouver.
He still hopes to find her again.

douleur f | noun | pain | B1
Ce que l'on sent quand on a mal.
La douleur a disparu après une heure.
The pain disappeared after an hour.

sourire | verb | to smile | A2
Montrer sa joie par un mouvement des lèvres.
Le bébé sourit à sa mère.
The baby is smiling at its mother.

pleurer | verb | to cry | A2
Avoir des larmes aux yeux.
Il a pleuré à la fin du film.
He cried at the end of the film.

respirer | verb | to breathe | B1
Faire entrer l'air dans son corps et le faire sortir.
Respirez lentement.
Breathe slowly.

triste | adjective | sad | A1
Qui a du chagrin.
Elle est triste de partir.
She is sad to leave.

courageux | adjective | brave | B1
Qui n'a pas peur devant le danger.
Le pompier est courageux.
The firefighter is brave.
""",
}
