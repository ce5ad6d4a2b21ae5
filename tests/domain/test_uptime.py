from datetime import timedelta

from domain.uptime import Contact, EscalationStep, Monitor, Region, UptimePlan, uptime_plan


def plan() -> UptimePlan:
    return uptime_plan(
        public_url="https://api.drop.no",
        landing_url="https://drop.no",
        email="vakt@drop.no",
        phone="+4790000001",
        status_page="status-drop",
    )


def test_the_api_is_watched_from_two_continents_by_what_it_answers_and_the_landing_page_by_its_status() -> None:
    assert plan().monitors == (
        Monitor("Drop API", "https://api.drop.no/api/health", Region.EUROPE, '"status":"ok"'),
        Monitor("Drop landing page", "https://drop.no", Region.EUROPE, None),
        Monitor("Drop API from US East", "https://api.drop.no/api/health", Region.US_EAST, '"status":"ok"'),
    )


def test_an_outage_is_told_to_more_people_the_longer_it_lasts() -> None:
    assert plan().escalation == (
        EscalationStep(timedelta(), Contact.SLACK),
        EscalationStep(timedelta(minutes=5), Contact.EMAIL, "vakt@drop.no"),
        EscalationStep(timedelta(minutes=15), Contact.SMS, "+4790000001"),
    )


def test_the_plan_reads_as_sentences() -> None:
    api, landing_page, _ = plan().monitors

    assert api.summary == 'https://api.drop.no/api/health is 200 containing "status":"ok", from EUROPE'
    assert landing_page.summary == "https://drop.no is 200, from EUROPE"
    assert plan().escalation_summary == "0 min SLACK, 5 min EMAIL vakt@drop.no, 15 min SMS +4790000001"
    assert plan().page_summary == "public, shows Drop API, Drop landing page, Drop API from US East"
