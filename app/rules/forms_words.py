"""What a form says when an answer is missing or wrong: first what, then how to write it (UI.md §5)."""

from __future__ import annotations

from datetime import date

from app.rules.forms_layout import Field, Kind
from app.text import Text

_MISSING: dict[Kind, Text] = {
    "textfield": Text("请填写，不清楚就写“不清楚”。", "Fill it in, or write “not known”."),
    "textarea": Text("请写下来，不清楚就写“不清楚”。", "Write it down, or write “not known”."),
    "number": Text("请填一个数。", "Give a number."),
    "radio": Text("请选一个。", "Choose one."),
    "select": Text("请选一个。", "Choose one."),
    "checklist": Text("请至少选一项。", "Choose at least one."),
    "checkbox": Text("请看过后打勾。", "Read it, then tick it."),
    "filepicker": Text("请至少加一个附件。", "Add at least one file."),
    "dynamiclist": Text("请至少填一行。", "Fill in at least one row."),
}


def missing(field: Field, today: date) -> Text:
    """A required answer is not there."""
    how = _MISSING.get(field.kind) or _how_to_date(field.kind, today)
    return Text(f"还缺“{field.label.zh}”。{how.zh}", f"“{field.label.en}” is missing. {how.en}")


def _how_to_date(kind: Kind, today: date) -> Text:
    if kind == "datetime":
        return Text(f"请写日期和钟点，如{today}和09:05。", f"Give the day and the time, such as {today} and 09:05.")
    return Text(f"请写成{today}，也可以写{today:%m%d}或“昨天”。", f"Write it as {today}, {today:%m%d} or “yesterday”.")


def unread_date(typed: str, today: date) -> Text:
    """The day cannot be read."""
    return Text(
        f"没看懂日期“{typed[:20]}”。请写成{today}，也可以写{today:%m%d}或“昨天”。",
        f"“{typed[:20]}” is not a day we can read. Write it as {today}, {today:%m%d} or “yesterday”.",
    )


def missing_date(today: date) -> Text:
    """A time was given without its day."""
    return Text(
        f"还缺日期。请写成{today}，也可以写“昨天”。", f"The day is missing. Write it as {today} or “yesterday”."
    )


def missing_time() -> Text:
    """A day was given without its time."""
    return Text(
        "还缺钟点。请写成09:05，记不清就写大约几点。",
        "The time of day is missing. Write it as 09:05; if unsure, give the nearest hour.",
    )


def unread_time(typed: str) -> Text:
    """The time cannot be read."""
    return Text(
        f"没看懂钟点“{typed[:20]}”。请写成09:05这样，从00:00到23:59。",
        f"“{typed[:20]}” is not a time we can read. Write it like 09:05, from 00:00 to 23:59.",
    )


def future_day() -> Text:
    """Something that has happened is dated in the future."""
    return Text("日期在将来。请填实际发生的那天。", "The date is in the future. Give the day it happened.")


def future_time() -> Text:
    """Something that has happened is timed later today."""
    return Text("时间在将来。请填实际发生的时间。", "The time is in the future. Give the time it happened.")


def not_text() -> Text:
    """Something else came where words were asked for."""
    return Text("这里要写文字。请重新填写。", "This takes words. Write it again.")


def too_long(length: int, most: int) -> Text:
    """More characters than the field takes."""
    return Text(
        f"写了{length}字，最多{most}字。请删短一些。",
        f"This is {length} characters, the most is {most}. Shorten it.",
    )


def too_short(length: int, least: int) -> Text:
    """Fewer characters than the field asks for."""
    return Text(
        f"只写了{length}字，至少要{least}字。请写得再具体些。",
        f"This is {length} characters, the least is {least}. Say a little more.",
    )


def not_number(digits: int) -> Text:
    """Not a number, or too many decimals."""
    if digits == 0:
        return Text("这里要填整数，如12。请只写数字。", "This takes a whole number such as 12. Write digits only.")
    return Text(
        f"这里要填数，最多{digits}位小数，如12.5。请只写数字。",
        f"This takes a number with up to {digits} decimals, such as 12.5. Write digits only.",
    )


def too_small(low: float) -> Text:
    """Below the lowest number allowed."""
    return Text(f"太小了。请填{low:.15g}或更大的数。", f"This is too small. Give {low:.15g} or more.")


def too_large(high: float) -> Text:
    """Above the highest number allowed."""
    return Text(f"太大了。请填{high:.15g}或更小的数。", f"This is too large. Give {high:.15g} or less.")


def not_an_option() -> Text:
    """The answer is not among the options."""
    return Text("没有这个选项。请从列出的里面选。", "This is not one of the answers. Choose from the list.")


def not_a_tick() -> Text:
    """Something else came where a tick was asked for."""
    return Text("这里只能打勾或不打勾。请重新选择。", "This is ticked or left open. Choose again.")


def not_files(most: int) -> Text:
    """Attachments that cannot be attached, or too many of them."""
    return Text(
        f"附件没有收到。请重新添加，最多{most}个。", f"The files did not arrive. Add them again, at most {most}."
    )


def not_rows() -> Text:
    """Something else came where rows were asked for."""
    return Text("这一行没有收到。请重新填写。", "This row did not arrive. Fill it in again.")


def too_many_rows(most: int) -> Text:
    """More rows than a list takes."""
    return Text(
        f"行数太多，最多{most}行。请分几次填。", f"There are too many rows, the most is {most}. Send them in parts."
    )


def not_in_form() -> Text:
    """An answer to a question that the form does not ask."""
    return Text(
        "表里没有这一项。请刷新页面后再填。", "The form does not ask this. Reload the page and fill it in again."
    )
