"""The view model as dialogue: what happens, and what stands on the screen then."""

from __future__ import annotations

from link.client import Connected, Disconnected, Event, GaveUp, TurnLost
from link.messages import Emotion, End, Error, ModeChanged, Notice, Status, Text, Turn, UserSaid
from voice.chat.fragments import Close, Ink, Line, Piece, text_of
from voice.chat.transcript import Transcript

MODEL = {"provider": "llamacpp", "model": "tiny.gguf", "starter": False, "status": "ready"}
STARTER = {"provider": "starter", "model": "", "starter": True, "status": "ready"}


class Screen:
    """A transcript with the text that it has written. Lines go above the reply in progress, as on the terminal."""

    def __init__(self) -> None:
        self.transcript = Transcript()
        self.lines: list[str] = []
        self.reply = ""

    def hub(self, *events: Event) -> Screen:
        for event in events:
            self.draw(self.transcript.on(event))
        return self

    def user(self, text: str, request: str = "r") -> Screen:
        ink = self.transcript.typed(text)
        self.transcript.asked(text, request)
        self.draw(ink)
        return self

    def draw(self, ink: list[Ink]) -> None:
        for thing in ink:
            match thing:
                case Line(fragments):
                    self.lines.append(text_of(fragments))
                case Piece(fragments):
                    *full, self.reply = (self.reply + text_of(fragments)).split("\n")
                    self.lines += full
                case Close():
                    self.lines += [self.reply] if self.reply else []
                    self.reply = ""


def begun() -> Screen:
    screen = Screen()
    screen.hub(Connected("b1", again=False), Status(llm=MODEL, boot="b1"))
    screen.lines.clear()
    return screen


# ----------------------------------------------------------------------------------------------- replies


def test_a_reply_streams_behind_its_label() -> None:
    screen = begun().user("hi").hub(Turn("t"), Emotion("happy"), Text("Hel"), Text("lo."))
    assert (screen.lines, screen.reply) == (["You: hi"], "Alisa (happy): Hello.")
    screen.hub(End())
    assert (screen.lines, screen.reply) == (["You: hi", "Alisa (happy): Hello."], "")


def test_a_neutral_reply_has_her_name_alone() -> None:
    assert begun().hub(Turn("t"), Text("Yes."), End()).lines == ["Alisa: Yes."]


def test_a_persona_of_another_name_speaks_under_it() -> None:
    screen = begun().hub(Status(llm=MODEL, boot="b1", name="Mika"), Turn("t"), Text("Yes."), End())
    assert screen.lines == ["Mika: Yes."]


def test_the_label_has_the_emotions_colour() -> None:
    transcript = begun().transcript
    transcript.on(Turn("t"))
    transcript.on(Emotion("angry"))
    (piece,) = transcript.on(Text("No!"))
    assert isinstance(piece, Piece)
    assert piece.fragments[0] == ("class:emotion.angry", "Alisa (angry):")


def test_an_emotion_within_a_reply_is_written_where_it_changes() -> None:
    screen = begun().hub(Turn("t"), Emotion("happy"), Text("Nice. "), Emotion("sad"), Text("Oh."), End())
    assert screen.lines == ["Alisa (happy): Nice. (sad) Oh."]


def test_empty_lines_around_a_reply_are_dropped_and_those_within_stay() -> None:
    assert begun().hub(Turn("t"), Text("\n\n A"), Text("\n\n"), Text("B \n"), End()).lines == ["Alisa: A", "", "B"]


def test_escape_sequences_of_the_model_are_made_visible() -> None:
    screen = begun().hub(Turn("t"), Text("\x1b]0;x\x07"), End(), Notice("x", "\x1b[2J"), Error("x", "\x9b1m"))
    assert not any(char < " " or "\x7f" <= char <= "\x9f" for line in screen.lines for char in line)


def test_who_caused_it_is_said() -> None:
    screen = begun().hub(Turn("a", source="idle"), Text("Hm."), End(), Turn("b", source="viewer", who="Mo"), Text("Hi"))
    assert (screen.lines, screen.reply) == (["Alisa speaks up: Hm."], "Alisa to Mo: Hi")


def test_what_is_said_elsewhere_is_shown() -> None:
    screen = begun().hub(UserSaid("t", "one\ntwo", source="voice"), Turn("t", source="voice"), Text("Yes."), End())
    assert screen.lines == ["You (spoken): one\n              two", "Alisa: Yes."]


def test_waiting_lasts_from_the_question_to_the_first_word() -> None:
    screen = begun()
    seen = [screen.transcript.waiting]
    for step in (Turn("t"), Emotion("happy"), Text(" "), Text("A")):
        screen.user("hi") if isinstance(step, Turn) else None
        screen.hub(step)
        seen.append(screen.transcript.waiting)
    assert seen == [False, True, True, True, False]


# --------------------------------------------------------------------------------------- in the middle of a reply


def test_what_is_said_in_the_middle_of_a_reply_goes_below_it() -> None:
    screen = begun().user("hi").hub(Turn("1"), Text("Well, the")).user("stop, cats?")
    assert (screen.lines, screen.reply) == (["You: hi"], "Alisa: Well, the")
    screen.hub(End(), Turn("2"), Text("Cats!"), End())
    assert screen.lines == ["You: hi", "Alisa: Well, the —", "You: stop, cats?", "Alisa: Cats!"]


def test_commands_and_notices_do_not_wait_for_the_end_of_a_reply() -> None:
    screen = (
        begun().hub(Turn("1"), Text("Well, ")).user("/status").hub(Notice("command", "Fine."), Notice("x", "News."))
    )
    assert screen.lines == ["You: /status", "Fine.", "· News."]
    assert screen.hub(Text("yes."), End()).lines[-1] == "Alisa: Well, yes."


def test_a_stopped_reply_shows_that_it_was_cut() -> None:
    screen = begun().hub(Turn("1"), Text("Once upon a"))
    screen.transcript.stopping()
    assert screen.hub(End()).lines == ["Alisa: Once upon a —"]


def test_a_reply_stopped_before_its_first_word_is_not_passed_over() -> None:
    screen = begun().hub(Turn("1"))
    screen.transcript.stopping()
    assert screen.hub(End()).lines == ["· Stopped before the first word."]


def test_a_reply_that_came_to_its_end_is_not_marked_as_cut() -> None:
    assert begun().hub(Turn("1"), Text("Done."), Turn("2"), Text("X"), End()).lines == ["Alisa: Done.", "Alisa: X"]


# --------------------------------------------------------------------------------------------------- faults


def test_a_refused_message_is_answered_by_the_reason() -> None:
    screen = begun().user("x" * 3).hub(Error("long", "Too long."))
    assert screen.lines == ["You: xxx", "! Too long."]
    assert not screen.transcript.waiting


def test_a_message_refused_in_the_middle_of_a_reply_does_not_end_it() -> None:
    screen = begun().hub(Turn("1"), Text("Well, ")).user("too long").hub(Error("long", "Too long."))
    assert screen.lines == ["You: too long", "! Too long."]
    assert screen.hub(Text("yes."), End()).lines[-1] == "Alisa: Well, yes."


def test_the_reason_why_a_reply_failed_stands_below_it() -> None:
    screen = begun().user("hi").hub(Turn("1"), Text("Well, the"), Error("llm", "The model broke off."), End())
    assert screen.lines == ["You: hi", "Alisa: Well, the —", "! The model broke off."]


def test_a_reply_that_failed_before_its_first_word() -> None:
    assert begun().hub(Turn("1"), Error("llm", "No model."), End()).lines == ["! No model."]


def test_a_mode_change_is_told_whoever_made_it() -> None:
    assert begun().hub(ModeChanged("calm")).lines == ["· The mode is now calm."]


# ---------------------------------------------------------------------------------------------- the connection


def test_a_lost_connection_is_told_once_and_so_is_its_return() -> None:
    screen = begun().hub(*[Disconnected("x", 0.1)] * 5, Connected("b1", again=True), Status(llm=MODEL, boot="b1"))
    assert screen.lines == ["· The hub is away; trying again…", "· Connected again."]


def test_a_hub_that_is_just_being_started_is_waited_for_in_silence() -> None:
    screen = Screen().hub(*[Disconnected("The hub does not answer.", 0.2)] * 3, Connected("b", again=False))
    assert screen.lines == []


def test_a_hub_that_does_not_come_is_told_with_the_reason() -> None:
    screen = Screen().hub(*[Disconnected("The hub does not answer at x.", 1.0)] * 5, Connected("b", again=False))
    assert screen.lines == ["· The hub does not answer at x. Trying again…", "· Connected."]


def test_a_resumed_reply_goes_on_below_what_was_told_meanwhile() -> None:
    screen = begun().hub(Turn("1"), Text("Well, "), Disconnected("x", 0.1), Connected("b1", again=True))
    screen.hub(Status(llm=MODEL, boot="b1", turn="1"), Turn("1", resumed=6), Text("yes."), End())
    assert screen.lines == [
        "Alisa: Well,",
        "· The hub is away; trying again…",
        "· Connected again.",
        "yes.",
    ]


def test_a_reply_lost_with_the_hub_is_told_with_what_to_do() -> None:
    screen = begun().hub(Turn("1"), Text("Well"), Disconnected("x", 0.1), Connected("b2", again=True), TurnLost("1"))
    assert screen.lines[-1] == "· The connection was lost and with it the rest of this reply. Type /retry to ask again."
    assert screen.transcript.reply is None


def test_a_message_that_may_not_have_arrived_is_not_passed_over() -> None:
    screen = begun().user("hi").hub(Disconnected("x", 0.1), Connected("b2", again=True), Status(llm=MODEL, boot="b2"))
    assert screen.lines[-1].startswith("· It is not certain that your last message arrived.")


def test_a_message_whose_reply_comes_after_the_reconnect_has_arrived() -> None:
    screen = begun().user("hi").hub(Disconnected("x", 0.1), Connected("b1", again=True))
    screen.hub(Status(llm=MODEL, boot="b1", turn="1"), Turn("1"), Text("Yes."), End(), Status(llm=MODEL, boot="b1"))
    assert screen.lines[-1] == "Alisa: Yes."


def test_giving_up_says_why_and_what_to_do() -> None:
    assert Screen().hub(GaveUp("Token refused.", "Check the folder.")).lines == ["! Token refused. Check the folder."]


# ---------------------------------------------------------------------------------------------------- welcome


def test_the_welcome_says_who_answers() -> None:
    screen = Screen().hub(Connected("b", again=False), Status(llm=MODEL), Status(llm=MODEL))
    assert screen.lines == ["· Alisa is here. tiny.gguf answers.\n/help shows what you can type."]


def test_the_starter_is_labelled_and_says_once_how_to_get_a_model() -> None:
    screen = Screen().hub(Status(llm=STARTER | {"remedy": "Get one: models pull."}), Status(llm=STARTER))
    (welcome,) = screen.lines
    assert "starter: rules, no language model. Get one: models pull." in welcome


def test_a_change_of_who_answers_is_told() -> None:
    screen = begun().hub(Status(llm=STARTER), Status(llm=MODEL))
    assert screen.lines == ["· The starter (rules, no language model) answers now.", "· tiny.gguf answers."]


def test_a_model_that_is_not_ready_is_told_with_what_to_do() -> None:
    down = MODEL | {"status": "down", "detail": "It is down.", "remedy": "Start it."}
    assert begun().hub(Status(llm=down)).lines == ["· tiny.gguf (down). It is down. Start it."]
