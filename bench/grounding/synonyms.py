"""Other words for common ones, as a person who retells a meeting might use. The check does not know this table."""

from __future__ import annotations

SYNONYMS: dict[str, str] = {
    word: other
    for pair in """
    need:require needs:requires use:employ uses:employs used:employed big:large huge:enormous start:begin started:began
    idea:notion ideas:notions problem:issue problems:issues try:attempt tried:attempted talk:speak talked:spoke
    make:produce makes:produces made:produced get:obtain show:display shows:displays showed:displayed buy:purchase
    people:persons kids:children money:funds help:assist helps:assists important:essential difficult:tricky hard:tough
    easy:simple easier:simpler quick:rapid quickly:rapidly fast:speedy small:little whole:entire enough:sufficient
    choose:select chose:selected pick:select look:appearance looks:appears job:role jobs:roles change:alter
    changed:altered changes:alterations data:information test:trial tests:trials happen:occur happens:occurs
    happened:occurred end:finish ended:finished keep:retain kept:retained find:locate found:located ask:inquire
    asked:inquired part:portion parts:portions thing:matter things:matters work:function works:functions
    working:functioning want:desire wants:desires wanted:desired nice:pleasant interesting:intriguing
    expensive:costly cheap:inexpensive house:home houses:homes school:college schools:colleges students:pupils
    teachers:instructors teacher:instructor company:firm companies:firms government:administration
    market:marketplace price:cost prices:costs group:team groups:teams meeting:session meetings:sessions
    discuss:debate discussed:debated discussion:debate decide:determine decided:determined build:construct
    built:constructed send:dispatch sent:dispatched give:provide gave:provided given:provided support:backing
    supports:backs report:account reports:accounts plan:scheme plans:schemes goal:aim goals:aims result:outcome
    results:outcomes area:region areas:regions point:matter points:matters question:query questions:queries
    answer:response answers:responses button:key buttons:keys remote:controller design:layout colour:shade
    color:shade screen:display speech:talk system:setup systems:setups method:approach methods:approaches
    children:youngsters young:youthful old:aged world:globe country:nation countries:nations year:twelvemonth
    different:distinct similar:comparable many:numerous several:various often:frequently usually:normally
    currently:presently perhaps:maybe maybe:perhaps probably:likely obviously:clearly basically:essentially
    actually:really completely:totally understand:grasp understood:grasped believe:think guess:suppose
    improve:enhance improved:enhanced improvement:enhancement reduce:cut reduced:cut train:teach trained:taught
    training:instruction money:cash costs:expenses noise:interference number:figure numbers:figures
    """.split()
    for word, other in [pair.split(":")]
}
