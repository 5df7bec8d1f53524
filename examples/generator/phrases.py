"""What customers write: short comments of five themes, with words that differ by theme."""

from random import Random

from examples.generator.chance import one_of

THEMES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "price": (
        (
            "The price per seat has become too expensive for us.",
            "We pay more each year and the invoice keeps growing.",
            "Hard to justify the cost to our finance team.",
            "A cheaper plan for small teams would help.",
            "The annual price increase came as a surprise.",
            "Good value for the money so far.",
            "Your competitors charge half of what we pay.",
            "The budget was cut and the licence fee no longer fits.",
            "Seats we do not need are still on the invoice.",
            "Discounts end and the bill doubles.",
        ),
        (
            "Please offer a discount for annual payment.",
            "The pricing page does not explain the add-on fees.",
            "We compared costs and are not sure about the next contract.",
            "Paying per seat punishes occasional users.",
        ),
    ),
    "features": (
        (
            "We miss a calendar integration with Outlook.",
            "There is no way to group tasks across projects.",
            "A Gantt view is missing, so we still keep a spreadsheet.",
            "Please add custom fields to the planner.",
            "The export lacks the columns that we need.",
            "Dark mode and keyboard shortcuts are still not there.",
            "Recurring tasks are missing in the mobile app.",
            "We would need single sign-on with our own directory.",
            "Filters cannot be saved or shared, a feature we asked for last year.",
            "The report builder cannot combine two projects.",
        ),
        (
            "It has been on the roadmap for months.",
            "Other products have this feature already.",
            "Without it the planner is only half useful.",
            "An integration with our warehouse system would be a great addition.",
        ),
    ),
    "support": (
        (
            "Support took three days to answer a simple question.",
            "Our ticket was passed from one agent to the next.",
            "Quick and friendly reply from the support agent.",
            "I had to explain the same problem four times.",
            "The chat queue is long and nobody picks up the phone.",
            "The agent solved the ticket within the hour.",
            "Waiting for an answer since Monday.",
            "The ticket was closed although nothing was solved.",
            "Escalation was the only way to reach somebody.",
            "Response times have become slower since spring.",
        ),
        (
            "Please call back when a ticket is urgent.",
            "The agents are polite, the waiting is the problem.",
            "A faster first response would make the difference.",
            "We had to reopen the ticket twice.",
        ),
    ),
    "onboarding": (
        (
            "The setup took far longer than planned.",
            "Nobody showed our new colleagues how to get started.",
            "The kick-off call was clear and well prepared.",
            "Importing our old data was painful during setup.",
            "The getting-started guide skips the important steps.",
            "We were lost after the first login.",
            "Training videos are outdated and show old screens.",
            "The introduction workshop helped the whole team.",
            "Half of our people never finished the onboarding course.",
            "The first weeks were confusing for beginners.",
        ),
        (
            "More training for new users, please.",
            "A checklist for the first week would help.",
            "The documentation assumes too much knowledge.",
            "Our team needed a second workshop to learn the basics.",
        ),
    ),
    "praise": (
        (
            "We love how easy it is to plan our week.",
            "The dashboards are excellent and everybody likes them.",
            "Reliable, fast and a pleasure to work with.",
            "Great product, the whole team is happy.",
            "It saves us hours every week.",
            "Beautiful design and very intuitive.",
            "I recommend it to friends in other firms.",
            "Best planning tool we have used so far.",
            "Works wonderfully on all our devices.",
            "Thank you, we are really happy with it.",
        ),
        (
            "Keep up the good work.",
            "Our managers love the weekly overview.",
            "Wonderful, please stay like this.",
            "It simply works, day after day.",
        ),
    ),
}
LEADS = ("", "", "", "", "Honestly: ", "To be frank: ", "In short: ", "From our side: ")
TRADES = (
    "",
    "",
    "",
    " Written for our logistics desk.",
    " Speaking for the finance office.",
    " That is the view of our plant.",
)
# Personal data that a masking step must find. Names, addresses and numbers are invented.
PERSONAL = (
    "Hello Jonas, thank you for the call. {}",
    "{} You can reach me at maria.keller@example.com.",
    "{} Please call me on +49 30 555 01234.",
    "Dear Ms Whitfield, {}",
    "{} My colleague's address is p.lindgren@example.org.",
    "Hi Amira, {} Best regards, Daniel",
    "{} Phone: (202) 555-0143.",
    "{} Write to accounts+tidewater@example.net for the details.",
)


def comment(rng: Random, theme: str) -> str:
    """A comment of the theme: one sentence, often a second one, sometimes a third that says who writes."""
    first, second = THEMES[theme]
    text = one_of(rng, LEADS) + one_of(rng, first)
    if rng.random() < 0.6:
        text += " " + one_of(rng, second)
    return text + one_of(rng, TRADES)
