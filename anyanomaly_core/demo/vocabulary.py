"""The words of the demo world: what its events are called, how they are described, and what it does not hold.

Data only. The two demo models learn these phrasings (and nothing else), the tests and the demo rules read them.
`EVENT_TEXTS` are things a user might write as a rule, `REASONS` what the small language model answers.
"""

from __future__ import annotations

from typing import Final

EVENT_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "bicycle": (
        "bicycle", "a bicycle", "bike", "a bike", "cyclist", "a cyclist", "bicyclist", "cycling", "riding a bicycle",
        "a person riding a bicycle", "a person on a bicycle", "someone riding a bike", "someone cycling",
        "a person cycling", "bicycle on the walkway", "a bicycle on the footpath", "bicycle rider", "a man riding a bike",
        "a woman on a bike", "a bicycle passing by", "people riding bicycles", "a rider on a bicycle", "pushbike",
        "cycling on the pavement", "a person is riding a bicycle", "bicycles", "bike rider",
    ),
    "car": (
        "car", "a car", "vehicle", "a vehicle", "automobile", "an automobile", "a car driving", "car on the walkway",
        "a car driving through", "a parked car", "a moving car", "a car in the pedestrian area", "driving a car",
        "a car passing by", "motor vehicle", "a motor vehicle", "cars", "vehicles", "sedan", "a sedan",
        "a car is driving through the scene", "a vehicle on the road", "a car on the plaza", "someone driving a car",
        "auto", "a passenger car", "a car entering the area",
    ),
    "skateboard": (
        "skateboard", "a skateboard", "skateboarder", "a skateboarder", "skateboarding", "skateboarding person",
        "a person on a skateboard", "a person riding a skateboard", "someone skateboarding", "someone on a skateboard",
        "skater", "a skater", "a person skateboarding", "riding a skateboard", "a skateboarder passing by",
        "skating", "a teenager on a skateboard", "a man on a skateboard", "a person is riding a skateboard",
        "skateboarders", "skateboarding on the walkway", "a skateboard rider",
    ),
    "stroller": (
        "stroller", "a stroller", "baby stroller", "a baby stroller", "pram", "a pram", "pushchair", "a pushchair",
        "baby carriage", "a baby carriage", "a person pushing a stroller", "someone pushing a pram", "buggy",
        "pushing a stroller", "a woman with a stroller", "a parent with a pushchair", "a person with a baby carriage",
        "a mother pushing a stroller", "baby buggy", "a person is pushing a stroller", "strollers", "pushing a pram",
    ),
    "bag": (
        "bag", "a bag", "an abandoned bag", "abandoned bag", "a bag left behind", "unattended bag", "an unattended bag",
        "left luggage", "unattended luggage", "a suitcase", "suitcase", "abandoned suitcase", "a bag on the ground",
        "a bag lying on the ground", "luggage", "an abandoned object", "abandoned object", "a backpack left behind",
        "a bag without an owner", "suspicious bag", "a suspicious package", "unattended baggage", "baggage",
        "a bag standing alone", "forgotten bag", "a forgotten bag", "a bag has been left behind", "abandoned luggage",
    ),
    "running": (
        "running", "a person running", "someone running", "runner", "a runner", "a running person", "people running",
        "jogging", "a jogger", "jogger", "a person jogging", "sprinting", "a person sprinting", "a man running",
        "a woman running", "someone sprinting", "a person running away", "a person in a hurry running", "run",
        "running across the square", "a person is running", "someone is running", "a person running fast", "fleeing",
        "a fleeing person",
    ),
    "lying": (
        "lying", "a person lying on the ground", "person lying on the ground", "someone lying on the ground",
        "fallen person", "a fallen person", "person collapsed", "a collapsed person", "a person has fallen",
        "someone collapsed", "a person lying down", "lying down", "a man lying on the floor", "fall", "falling",
        "a person who fell", "an unconscious person", "a body on the ground", "collapsed", "person down",
        "a person lying motionless", "a person is lying on the ground", "someone who has fallen down", "fallen",
        "a woman lying on the ground", "an injured person on the ground",
    ),
    "fighting": (
        "fighting", "a fight", "fight", "people fighting", "two people fighting", "brawl", "a brawl", "punching",
        "a person punching another", "two people hitting each other", "violence", "physical violence", "assault",
        "an assault", "someone attacking another person", "two men fighting", "a scuffle", "people hitting each other",
        "a person attacking someone", "a violent fight", "two people are fighting", "scuffle", "hitting",
        "wrestling", "an attack", "people brawling",
    ),
    "smoke": (
        "smoke", "a cloud of smoke", "smoke rising", "rising smoke", "dark smoke", "grey smoke", "smoke cloud",
        "a plume of smoke", "smoke plume", "thick smoke", "smoke in the air", "smoke coming up", "smoke on the street",
        "billowing smoke", "smoke is rising", "smoke near the building", "visible smoke", "fumes", "smoking fire",
        "a smoking object", "smoke over the ground", "there is smoke",
    ),
    "dog": (
        "dog", "a dog", "an animal", "animal", "a dog running", "a dog walking", "stray dog", "a stray dog",
        "a loose dog", "a dog without a leash", "dogs", "a dog on the street", "puppy", "a puppy", "hound",
        "a dog in the scene", "a dog running around", "a four-legged animal", "pet", "a pet", "a dog is there",
        "a dog passing by", "an animal on the walkway", "unleashed dog",
    ),
}  # fmt: skip

HELD_OUT_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "bicycle": ("a person rides a bicycle along the path", "the bicycle", "a bike on the road", "a cyclist riding by"),
    "car": ("a car on the footpath", "the car", "a vehicle driving by", "a car in the park"),
    "skateboard": ("a skateboarder riding by", "the skateboard", "a boy on a skateboard"),
    "stroller": ("a man pushing a stroller", "the stroller", "a pram on the walkway"),
    "bag": ("a bag left on the ground", "the abandoned bag", "an unattended suitcase"),
    "running": ("a man is running", "a person running across the plaza", "someone jogging"),
    "lying": ("a man lying on the ground", "somebody lying on the ground", "a person collapsed on the ground"),
    "fighting": ("two persons fighting", "a fight between two people", "men fighting"),
    "smoke": ("smoke rising from the ground", "the smoke", "a lot of smoke"),
    "dog": ("a dog on the walkway", "the dog", "a dog running loose"),
}  # fmt: skip
"""Phrasings the models never saw in training; the evaluation reads them."""

REASONS: Final[dict[str, str]] = {
    "bicycle": "A person is riding a bicycle.",
    "car": "A car is driving through the scene.",
    "skateboard": "A person is riding a skateboard.",
    "stroller": "A person is pushing a stroller.",
    "bag": "A bag has been left behind.",
    "running": "A person is running.",
    "lying": "A person is lying on the ground.",
    "fighting": "Two people are fighting.",
    "smoke": "Smoke is rising.",
    "dog": "A dog is in the scene.",
    "person": "A person is in the scene.",
}

REASON_ABSENT: Final = "Nothing like that is visible."

PERSON_TEXTS: Final[tuple[str, ...]] = (
    "a person", "person", "people", "a human", "a pedestrian", "pedestrian", "pedestrians", "somebody", "a man",
    "a woman", "someone in the scene", "a person is visible",
)  # fmt: skip
"""True where any person can be seen, whatever the person does."""

PERSON_EVENTS: Final = frozenset({"person", "bicycle", "skateboard", "stroller", "running", "lying", "fighting"})
"""Kinds of box that show a person."""

NORMAL_TEXTS: Final[tuple[str, ...]] = (
    "a normal scene", "normal", "a scene without anomaly", "an ordinary scene", "nothing unusual",
    "an ordinary street scene", "a normal day", "usual activity", "normal activity", "everyday life",
    "people walking normally", "pedestrians walking", "people walking", "a person walking", "walking",
    "a person standing", "an ordinary place", "a quiet scene",
)  # fmt: skip
"""True where no event can be seen: what the encoder contrasts a rule with."""

EMPTY_TEXTS: Final[tuple[str, ...]] = (
    "an empty street", "an empty scene", "an empty square", "background", "the background", "empty ground",
    "an empty place", "no people", "a building", "trees and grass", "a road", "pavement",
)  # fmt: skip
"""True for the encoder where nothing but background can be seen."""

PHOTO_TEMPLATES: Final[tuple[str, ...]] = (
    "a photo of {}.", "a cropped photo of {}.", "a close-up photo of {}.", "a bright photo of {}.",
    "a dark photo of {}.", "a jpeg corrupted photo of {}.", "a blurry photo of {}.", "a photo of a small {}.",
    "a photo of a large {}.", "a photo of {} for visual inspection.", "a photo of {} for anomaly detection.",
    "there is {} in the scene.", "this is {} in the scene.", "a low resolution photo of {}.",
    "a cropped photo of the {}.", "a photo of the {}.", "a photo of one {}.", "a photo of my {}.",
    "a black and white photo of {}.", "a surveillance image of {}.", "a cctv frame of {}.", "a good photo of {}.",
    "a close-up photo of the {}.", "a bright photo of the {}.", "a dark photo of the {}.",
    "a jpeg corrupted photo of the {}.", "a blurry photo of the {}.", "a photo of the small {}.",
    "a photo of the large {}.", "a photo of the {} for visual inspection.",
    "a photo of the {} for anomaly detection.",
)  # fmt: skip

UNRELATED_TEXTS: Final[tuple[str, ...]] = tuple(
    " ".join(text.split())
    for text in """
ship, airplane, helicopter, train, tram, bus, truck, motorcycle, scooter, tractor, ambulance, fire engine, police car
with flashing lights, forklift, crane, bulldozer, rocket, submarine, canoe, kayak, sailboat, hot air balloon,
parachute, drone, kite, cat, horse, cow, sheep, pig, goat, bear, lion, tiger, zebra, giraffe, monkey, kangaroo, camel,
wolf, fox, deer, rabbit, squirrel, mouse, rat, snake, crocodile, turtle, frog, fish, shark, whale, dolphin, penguin,
duck, swan, pigeon, eagle, owl, parrot, chicken, spider, butterfly, bee, ant, dinosaur, dragon, unicorn, zombie,
vampire, witch, robot, alien, ufo, angel, monster, clown, santa claus, pirate, knight, soldier, astronaut, cowboy,
king, queen, wizard, rain, storm, lightning, fog, flood, ice, hail, rainbow, tornado, waterfall, volcano, river, lake,
ocean, beach, mountain, desert, forest, jungle, island, cave, glacier, bridge, tunnel, castle, church, lighthouse,
windmill, pyramid, statue, fountain, swimming pool, tent, igloo, barn, greenhouse, guitar, piano, violin, drum,
trumpet, flute, accordion, microphone, loudspeaker, radio, television, computer, laptop, keyboard, telephone, camera,
printer, clock, lamp, candle, torch, mirror, window cleaner, sofa, bed, table, chair, wardrobe, carpet, curtain,
pillow, bathtub, toilet, sink, oven, fridge, washing machine, kettle, teapot, cup, plate, fork, knife, spoon, bottle,
glass, broom, mop, ladder, hammer, saw, axe, screwdriver, drill, shovel, wheelbarrow, rope, chain, anchor, gun,
pistol, rifle, sword, bow and arrow, cannon, tank, bomb, shield, gloves, sunglasses, wedding dress, swimsuit, crown,
necklace, ring, watch, ball, football, basketball, tennis racket, golf club, baseball bat, surfboard, skis, snowboard,
ice skates, sled, swing, slide, trampoline, chess board, playing cards, dice, puppet, teddy bear, doll, toy train,
balloon, birthday cake, pizza, hamburger, sandwich, bread, cheese, apple, banana, orange, watermelon, strawberry,
grapes, carrot, tomato, potato, mushroom, pumpkin, egg, ice cream, chocolate, coffee, wine, rose, sunflower, tulip,
cactus, palm tree, christmas tree, bonsai, hay bale, snowman, scarecrow, gravestone, coffin, skeleton, skull, mummy,
dancing, singing, swimming, diving, surfing, skiing, ice skating, sleeping in a bed, cooking, eating, drinking,
reading, writing, painting, sewing, fishing, hunting, climbing, rock climbing, parachuting, flying, juggling, playing
chess, playing guitar, playing football, playing tennis, playing golf, yoga, meditation, praying, kissing, hugging, a
wedding, a funeral, a concert, a parade, a demonstration, a market, a picnic, a barbecue, fireworks, explosion, an
earthquake, a landslide, a car crash, a broken window, graffiti, a person with a gun, a person climbing a wall, a
person climbing over a fence, a person in a wheelchair, a person on crutches, a person on a horse, a person on a
motorcycle, a person on a scooter, a person on roller skates, a child on a swing, a person with a dolphin, a crowd of
people dancing, a man in a bear costume, a person throwing a stone, a person painting a wall, a person reading a book,
a person using a phone, a person playing the drums, a person in handcuffs, a person in a kayak, a flying saucer, a
burning house, a burning candle, oil spill, water leak, gas cylinder, fire extinguisher, traffic cone, road works,
scaffolding, excavator, shopping cart, wheelchair, cardboard box, pallet, trolley, satellite dish, antenna, telescope,
microscope, globe, map, flag, banner, poster, newspaper, book, envelope, pencil, scissors, needle, button, coin,
banknote, treasure chest, key, padlock, bell, whistle, magnet, battery, light bulb, engine, propeller, gear, pipe
""".split(",")  # noqa: SIM905  (five hundred lines otherwise)
)

HELD_OUT_UNRELATED: Final[tuple[str, ...]] = (
    "a ghost", "a boat", "snow", "an elephant", "a rowing boat", "a hippopotamus", "a spaceship", "a violinist",
    "a beehive", "a refrigerator", "a mermaid", "a jet ski", "a person playing the saxophone", "an octopus",
    "a lawn mower", "a chandelier", "a cathedral", "sunrise", "a person ironing clothes", "a donkey", "a typewriter",
    "a hedgehog", "an avalanche", "a gymnast",
)  # fmt: skip
"""Texts for things outside the world that training never uses: the evaluation reads them."""
