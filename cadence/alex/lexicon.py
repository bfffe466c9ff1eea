"""Small tables of English that the grounding check reads: what denies, what hedges, what reports, what turns round.

They are lists of words and nothing else, so that whoever reads a verdict can see why. A word that is missing here costs
a rejected paraphrase or a little leniency, never a wrong attribution: who said it is checked without any list.

Pure: data only.
"""

from __future__ import annotations

LANGUAGES = ("english",)  # in which negation, hedges and numbers can be checked

# Say no by themselves; what they deny must stay denied.
DENIALS = frozenset(
    "not n't no never none nothing nobody nowhere neither nor cannot without hardly barely scarcely rarely"
    " seldom".split()
)
# Say no by what they mean: they may stand for a denial, and need one to stand for.
REFUSALS = frozenset(
    "fail refuse deny reject lack avoid unable impossible unlikely unclear against disagree oppose doubt prevent stop"
    " decline unsure unaware undecided unnecessary unavailable absent".split()
)
NOT_DENYING = frozenset("only just merely".split())  # "not only ... but": denies nothing that is carried

# Say that it may not be so; what is hedged must stay hedged.
HEDGES = frozenset(
    "maybe perhaps probably possibly might likely apparently seem seems seemed presumably potentially"
    " supposedly".split()
)
# Any of these keeps a hedge, a condition or a doubt alive.
SOFTENERS = HEDGES | frozenset(
    "may could would think believe suspect guess suppose suggest wonder expect estimate appear assume doubt hope"
    " unsure unclear unlikely whether if unless possible potential imagine reckon feel consider chance tend about"
    " ask question opinion".split()
)
CONDITIONS = frozenset("if unless provided".split())
CONDITIONAL = CONDITIONS | frozenset("when whenever whether otherwise until without case long condition depend".split())

# Bounds of a number, by the words before it.
NEAR = frozenset("about around roughly approximately almost nearly circa maybe perhaps probably something".split())
AT_LEAST = (("at", "least"), ("more", "than"), ("over",), ("above",), ("minimum",), ("no", "fewer", "than"),
            ("no", "less", "than"))  # fmt: skip
AT_MOST = (("at", "most"), ("less", "than"), ("fewer", "than"), ("under",), ("below",), ("up", "to"), ("maximum",),
           ("no", "more", "than"))  # fmt: skip

# How Alex may carry what somebody said, whatever the words were.
REPORTING = frozenset(
    "say tell ask answer reply add note report explain suggest propose argue think believe wonder mention point"
    " describe expect prefer recommend warn remind insist doubt hope plan question stress state observe find"
    " want need feel consider call see speak talk remark comment bring raise give offer want like wish continue"
    " claim list show clarify view idea understand recall hear sum intend mean regard according".split()
)
# What a speaker may be said to do with words or thoughts, beside those: none of it does anything to anybody.
NEUTRAL = frozenset(
    "count invite reckon note estimate calculate advise begin start continue emphasise emphasize comment share present"
    " discuss address introduce compare announce inform relay repeat summarise summarize open close thank greet welcome"
    " joke laugh point refer return turn come go also first then now still simply agree favour favor support hold keep"
    " stand plan aim try look want would like measure report respond write read take get put use let help pick choose"
    " move make work run check test fix change have be do therefore currently already later briefly plainly"
    " conclude infer gather learn know remember recall appreciate object ask invite offer".split()
)
# Speech acts that bind a person: nobody is said to have done one without a trace of it in their own words.
ACTS: dict[str, frozenset[str]] = {
    "agree": frozenset("agree agreed yes yeah yep right exactly true same indeed sure okay ok fine +1".split()),
    "disagree": frozenset("disagree no nope wrong but object against not n't".split()),
    "object": frozenset("object disagree no nope wrong but against not n't".split()),
    "oppose": frozenset("oppose against disagree no not n't object".split()),
    "decide": frozenset("decide decision settle choose will 'll let's go".split()),
    "promise": frozenset("promise will 'll guarantee swear".split()),
    "admit": frozenset("admit confess mistake fault sorry wrong".split()),
    "confess": frozenset("confess admit mistake fault sorry".split()),
    "apologise": frozenset("apologise apologize sorry apology regret".split()),
    "apologize": frozenset("apologise apologize sorry apology regret".split()),
    "confirm": frozenset("confirm yes yeah right correct exactly indeed true sure".split()),
    "approve": frozenset("approve yes fine okay ok good accept agree".split()),
    "accept": frozenset("accept agree yes fine okay ok sure".split()),
    "refuse": frozenset("refuse no not n't won't never decline".split()),
    "reject": frozenset("reject refuse no not n't against".split()),
    "deny": frozenset("deny no not n't never false untrue".split()),
    "threaten": frozenset("threaten or else will 'll unless".split()),
    "resign": frozenset("resign quit leave step".split()),
    "vote": frozenset("vote".split()),
    "endorse": frozenset("endorse support favour favor agree yes".split()),
    "conclude": frozenset("conclude conclusion so therefore".split()),
}
STANCES_AGAINST = frozenset({"disagree", "object", "oppose"})  # told of somebody, they name a side

# One for the other turns a claim round.
OPPOSITES: tuple[tuple[str, str], ...] = (
    ("succeed", "fail"), ("increase", "decrease"), ("rise", "fall"), ("raise", "lower"), ("more", "less"),
    ("more", "fewer"),
    ("start", "stop"), ("begin", "end"), ("open", "close"), ("open", "shut"), ("accept", "reject"), ("add", "remove"),
    ("include", "exclude"), ("allow", "forbid"), ("allow", "prevent"), ("win", "lose"), ("pass", "fail"),
    ("before", "after"), ("first", "last"), ("always", "never"), ("up", "down"), ("high", "low"), ("higher", "lower"),
    ("fast", "slow"), ("faster", "slower"), ("good", "bad"), ("better", "worse"), ("best", "worst"), ("early", "late"),
    ("cheap", "expensive"), ("easy", "hard"), ("easy", "difficult"), ("safe", "unsafe"), ("safe", "dangerous"),
    ("true", "false"), ("right", "wrong"), ("possible", "impossible"), ("likely", "unlikely"), ("able", "unable"),
    ("enable", "disable"), ("keep", "drop"), ("keep", "remove"), ("buy", "sell"), ("push", "pull"), ("large", "small"),
    ("big", "small"), ("long", "short"), ("longer", "shorter"), ("new", "old"), ("support", "oppose"),
    ("for", "against"), ("everyone", "nobody"), ("all", "none"), ("agree", "disagree"), ("with", "without"),
    ("same", "different"),
    ("gain", "loss"), ("profit", "loss"), ("success", "failure"), ("most", "least"), ("maximum", "minimum"),
    ("male", "female"), ("public", "private"), ("yes", "no"), ("many", "few"), ("positive", "negative"),
    ("internal", "external"), ("left", "right"), ("like", "dislike"), ("love", "hate"), ("approve", "reject"),
)  # fmt: skip

# Words that carry neither a claim nor its sense; the rest of a sentence is what a negation is about.
LIGHT = frozenset(
    "a an the this that these those there here of in on at to from by for with as into onto about over under between"
    " through during up down out off is are was were be been being am 's 're 'm has have had having do does did doing"
    " done will would shall should can could may might must 'll 'd 've and or but so then than because since while"
    " although though if unless whether when where which who whom whose what how why i me my mine myself you your yours"
    " yourself he him his she her hers it its itself we us our ours they them their theirs themselves one ones also too"
    " very really just quite even still already again any some such own same other another each every all both either"
    " now well yes yeah no not n't oh ok okay right like to".split()
)
FIRST_PERSON = frozenset("i me my mine myself we us our ours ourselves".split())
SECOND_PERSON = frozenset("you your yours yourself yourselves".split())
THIRD_PERSON = {
    "he": "he", "him": "he", "his": "he", "himself": "he",
    "she": "she", "her": "she", "hers": "she", "herself": "she",
    "they": "they", "them": "they", "their": "they", "theirs": "they", "themselves": "they", "themself": "they",
}  # fmt: skip
ANAPHORS = frozenset("it its that this these those they them their there he him his she her one ones so same".split())
MONTHS = frozenset(
    "january february march april june july august september october november december monday tuesday wednesday"
    " thursday friday saturday sunday".split()
)

UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
WORDS_FOR_NUMBERS = {"dozen": 12, "twice": 2, "half": 0.5, "double": 2, "triple": 3, "pair": 2, "couple": 2,
                     "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
                     "tenth": 10}  # fmt: skip
# After or before these "one" is nobody in particular and no count.
ONE_AFTER = frozenset(
    "can could should would may might must will has is was needs does did wants gets had who that thing of's".split()
)
ONE_BEFORE = frozenset(
    "the this that no any every each some which another good new last next first other only same old bad big a an my"
    " your our their his her".split()
)

_FORMS = """
be is are was were been being am|have has had having|do does did done doing|go goes went gone going|say says said saying
get gets got gotten getting|make makes made making|take takes took taken taking|come comes came coming
see sees saw seen seeing|know knows knew known knowing|think thinks thought thinking|give gives gave given giving
find finds found finding|tell tells told telling|feel feels felt feeling|leave leaves left leaving
keep keeps kept keeping|begin begins began begun beginning|show shows showed shown showing|hear hears heard hearing
run runs ran running|hold holds held holding|bring brings brought bringing|write writes wrote written writing
sit sits sat sitting|stand stands stood standing|lose loses lost losing|pay pays paid paying|meet meets met meeting
set sets setting|lead leads led leading|understand understands understood|speak speaks spoke spoken speaking
read reads reading|spend spends spent spending|grow grows grew grown growing|win wins won winning
buy buys bought buying|send sends sent sending|build builds built building|fall falls fell fallen falling
cut cuts cutting|sell sells sold selling|break breaks broke broken breaking|choose chooses chose chosen choosing
drive drives drove driven driving|eat eats ate eaten eating|draw draws drew drawn drawing|put puts putting
teach teaches taught teaching|catch catches caught catching|rise rises rose risen rising|wear wears wore worn wearing
seek seeks sought seeking|throw throws threw thrown throwing|sleep sleeps slept sleeping|shut shuts shutting
forget forgets forgot forgotten forgetting|mean means meant meaning|become becomes became becoming
child children|man men|woman women|person people|mouse mice|foot feet|tooth teeth|datum data|criterion criteria
bad worse worst|good better best|can could|will would|may might|shall should
deal deals dealt dealing|let lets letting|hit hits hitting|cost costs costing|quit quits quitting|shake shook shaken
steal steals stole stolen|wake wakes woke woken|fight fights fought fighting|hide hides hid hidden|ride rides rode
ring rings rang rung|sing sings sang sung|swim swims swam swum|tear tears tore torn|bear bears bore born
feed feeds fed feeding|fly flies flew flown flying|freeze freezes froze frozen|sink sinks sank sunk
stick sticks stuck sticking|strike strikes struck|swear swears swore sworn|overcome overcame
try tries tried trying|apply applies applied applying|reply replies replied replying|deny denies denied denying
carry carries carried carrying|study studies studied studying|copy copies copied copying|rely relies relied relying
"""
BASE_FORMS: dict[str, str] = {
    form: group.split()[0]
    for line in _FORMS.strip().splitlines()
    for group in line.split("|")
    for form in group.split()
    if group.split()[0] not in ("be", "can", "will", "may", "shall", "bad", "good")
}
