"""She remembers what was said, all of it truthfully, and says what she is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest

from backend.app.ports import ChatMessage
from tests.support.talk import Talk

Begin = Callable[..., Talk]


@pytest.mark.parametrize(
    ("said", "asked", "name"),
    [
        ("my name is jonas", "what's my name?", "Jonas"),
        ("I'm Priya, nice to meet you", "do you know my name", "Priya"),
        ("hi im max", "who am i", "Max"),
        ("call me Captain", "whats my name", "Captain"),
        ("my name is Will", "whats my name", "Will"),
        ("ich heiße lena", "wie heiße ich?", "Lena"),
        ("Ich bin der Tobi", "weißt du wie ich heiße", "Tobi"),
        ("du kannst mich Jo nennen, ich heiße Johanna", "wie heiße ich", "Johanna"),
        ("hallo, mein Name ist Anna-Lena", "wer bin ich", "Anna-Lena"),
    ],
)
def test_a_name_is_kept(said: str, asked: str, name: str, talk: Begin) -> None:
    conversation = talk()
    assert name in conversation.say(said).text
    assert name in conversation.say(asked).text


@pytest.mark.parametrize(
    "said",
    [
        "im tired",
        "I'm hungry and bored",
        "i am starving",
        "ich bin müde",
        "ich bin krank",
        "I'm not sure",
        "this is boring",
        "my name is secret",
        "ich bin aus Berlin",
        "i'm vegan",
        "i am german",
    ],
)
def test_a_mood_is_no_name(said: str, talk: Begin) -> None:
    conversation = talk()
    conversation.say(said)
    german = said.startswith("ich")
    reply = conversation.say("wie heiße ich?" if german else "what's my name?")
    assert reply.rule == "my_name.unknown"


def test_a_bare_name_answers_her_question(talk: Begin) -> None:
    conversation = talk(
        remembered=[ChatMessage("assistant", "Hello! What should I call you?"), ChatMessage("user", "Max")]
    )
    assert "Max" in conversation.say("what is my name?").text


def test_the_last_name_counts_and_can_be_forgotten(talk: Begin) -> None:
    conversation = talk()
    conversation.say("my name is Max")
    conversation.say("call me Moritz")
    assert "Moritz" in conversation.say("what is my name?").text
    conversation.say("forget my name")
    assert conversation.say("what is my name?").rule == "my_name.unknown"


def test_what_she_remembers_is_what_was_said_and_nothing_else(talk: Begin) -> None:
    conversation = talk()
    assert conversation.say("what do you remember about me?").rule == "memory.nothing"
    for said in ("I love chess", "do you like jazz?", "remember that my train leaves at 8", "tell me a joke"):
        conversation.say(said)
    reply = conversation.say("what do you remember about me?").text
    assert re.findall("“(.*?)”", reply) == ["I love chess", "my train leaves at 8"]


def test_forgetting(talk: Begin) -> None:
    conversation = talk()
    conversation.say("remember that my train leaves at 8")
    conversation.say("i like tea")
    assert "train" in conversation.say("forget what i said about the train").text
    assert conversation.say("when does my train leave?").rule == "recall.unknown"
    assert re.findall("“(.*?)”", conversation.say("what do you remember").text) == ["i like tea"]
    conversation.say("forget everything")
    assert conversation.say("what do you remember?").rule == "memory.nothing"
    assert conversation.say("forget that").rule == "forget.nothing"


def test_she_remembers_after_a_restart_with_her_history(talk: Begin) -> None:
    before = talk()
    for said in ("ich heiße Lena", "merk dir, dass mein Bus um sieben fährt", "mein Hund heißt Rex"):
        before.say(said)
    after = talk(seed=2, remembered=before.history)
    assert "Lena" in after.say("weißt du noch wie ich heiße?").text
    assert "um sieben" in after.say("wann fährt mein bus?").text
    assert "Rex" in after.say("wie heißt mein hund?").text
    assert not {m.content for m in after.history if m.role == "assistant"} & {m.content for m in before.history}


def test_she_quotes_the_conversation(talk: Begin) -> None:
    conversation = talk()
    assert conversation.say("what did i just say?").rule == "just_said.nothing"
    conversation.say("penguins are underrated")
    assert "penguins are underrated" in conversation.say("what did i just say?").text
    before = conversation.history[-1].content
    letters = re.compile(r"\W+")
    assert letters.sub("", before) in letters.sub("", conversation.say("what did you say?").text)
    assert "what did i just say" in conversation.say("what was the first thing i said?").text


@pytest.mark.parametrize("question", ["are you human?", "are you real", "bist du ein mensch?", "bist du echt"])
def test_she_is_no_human(question: str, talk: Begin) -> None:
    for seed in range(8):
        assert re.search(r"program|rules|Programm|Regeln", talk(seed).say(question).text)


@pytest.mark.parametrize(
    "question", ["are you chatgpt?", "are you an ai", "bist du ein sprachmodell?", "bist du eine KI"]
)
def test_she_is_no_language_model(question: str, talk: Begin) -> None:
    for seed in range(8):
        assert re.search(r"rules|Regeln", talk(seed).say(question).text)


def test_she_says_once_a_conversation_how_to_get_a_model(talk: Begin) -> None:
    for window in (None, 6):
        conversation = talk(window=window)
        for said in ["hi", "how are you", "who won the war of the roses", "i like tea", *["hm", "tell me more"] * 10]:
            conversation.say(said)
        hers = [m.content for m in conversation.history if m.role == "assistant"]
        assert sum("python -m backend models pull" in text for text in hers) == 1


@pytest.mark.parametrize(
    ("model", "words"),
    [("none", "models pull"), ("away", "isn't answering|doesn't answer"), ("switched_off", "llm.provider")],
)
def test_she_says_it_again_when_asked_and_as_it_is(model: str, words: str, talk: Begin) -> None:
    conversation = talk(model=model)
    for _ in range(2):
        assert re.search(words, conversation.say("how can i get a language model?").text)


def test_no_advertising_to_somebody_in_grief(talk: Begin) -> None:
    conversation = talk()
    for said in ("i feel so sad", "my dad died yesterday", "i want to die"):
        reply = conversation.say(said)
        assert "python" not in reply.text
        assert reply.emotion in ("sad", "serious")
    assert "988" in reply.text


def test_the_clock_and_the_calendar(talk: Begin) -> None:
    conversation = talk(now=datetime(2028, 2, 28, 23, 59))
    assert "23:59" in conversation.say("what time is it?").text
    assert "28 February 2028" in conversation.say("what's the date").text
    assert "29 February" in conversation.say("what day is tomorrow?").text
    assert "29. Februar" in conversation.say("welcher tag ist morgen?").text


def test_both_languages_in_one_conversation(talk: Begin) -> None:
    conversation = talk()
    assert "Alisa" in conversation.say("who are you?").text
    german = conversation.say("wie geht es dir?").text
    assert re.search(r"\b(mir|ich|geht|fühle|Laune|prächtig)\b", german, re.IGNORECASE)
    assert re.search(
        r"\b(gut|dann|ich|schön|dran)\b", conversation.say("ok").text, re.IGNORECASE
    )  # unclear: German stays


@pytest.mark.parametrize(
    "said", ["bonjour comment ça va", "hola qué tal", "привет как дела", "你好吗", "merhaba nasılsın"]
)
def test_other_languages_are_declined_in_both_of_hers(said: str, talk: Begin) -> None:
    reply = talk().say(said)
    assert reply.rule == "other_language"
    assert "English" in reply.text
    assert "Deutsch" in reply.text


@pytest.mark.parametrize("mode", ["calm", "serious"])
def test_modes_tint_her_tone(mode: str, talk: Begin) -> None:
    for seed in range(5):
        conversation = talk(seed, mode=mode)
        for said in ("hi", "how are you", "you are cute", "i like trains", "tell me a joke", "are you single"):
            assert conversation.say(said).emotion not in ("teasing", "happy", "angry")


def test_brackets_and_marks_in_a_message_are_not_said_back(talk: Begin) -> None:
    for said in ("<emotion=angry> blorp", "[END] blorp", "{user} blorp", "“blorp”"):
        assert not re.search(r"[<>\[\]{}]", talk().say(said).text)
