"""Words that a theme's label may hold where comments are not published: those of the trade, in which no name is.

A name that many write, and that nothing in the data tells to be one, cannot be told from a word; a word of a list can
be told from a name.
"""

_ENGLISH = """
able access account accounts accuracy accurate activity add addition admin admins alert alerts amazing amount analysis
analytics annoying annual answer answered answers app application approach approval apps archive assistant attachment
audit automatic automation available awesome awful bad basic basics beautiful beginners bigger billing board bots
brilliant broken browser budget bug bugged bugs bulk business button buttons calendar call calls campaign cancel
cancellation cancelled capacity change changed changes channel charge charged charges chat cheap cheaper checklist
clear click clicks client clients closed cloud clumsy code colleagues columns comment comments company comparison
competitor competitors complex compliance complicated confusing connection connector consistent contact content
contract contracts control cost costs course crash crashed crashes crashing credit cumbersome currency custom customer
customers customization cut dark dashboard dashboards data database date dates days deadline deadlines deal delay
delayed delays delivered delivery department design desk desktop details developer device devices difference different
difficult digital disappointed disappointing discount discounts document documentation documents domain download
downtime duplicate duplicates easier easy edit editor effective efficient effort email emails employee employees
engineer enterprise error errors escalated escalation excellent expense expenses expensive experience expired explain
explained export exporting exports extra failed failing fails failure failures fast faster feature features fee
feedback fees field fields file files filter filters finance fix fixed flexibility flexible flow folder folders
forecast form format forms free freezes friendly frustrated frustrating function functionality functions glitch
glitches good great group groups growing growth guide handover happy hard hardware help helpdesk helped helpful
helping hidden high higher history hour hours implementation import importing imports improve improved improvement
improvements inaccurate incomplete increase increased increases information infrastructure insights install
installation integrate integration integrations interface internal intuitive inventory invoice invoices invoicing
issue issues job keyboard knowledge lack lacking lacks lag lags language languages laptop late layout learn learning
legal licence licences license licenses limit limitations limited limits link links list lists loading logging login
logistics logout lost loved lovely low lower mail maintenance manage management manager managers managing manual
manually market marketing meeting meetings menu message messages migration milestone minutes missing mistake mistakes
mobile modern module modules money month monthly months navigate navigation needed needs network notification
notifications number numbers offer offers office offline old onboarding online operations option options order orders
outage outages outdated outstanding overpriced overview package packages pages paid painful paper partner partners
password passwords pay paying payment payments people performance permission permissions personal personnel phone
phones pipeline plan planner planning plans plant platform plugin polite poor portal positive powerful practical
premium price prices pricing print printing priority problem problems process processes procurement product productive
productivity products professional profile progress project projects promise promised prompt proposal provider
purchase purse quality queries query question questions queue quick quickly quiet quote quotes rate rates recommend
recommendation records recurring refund refunds regret release releases reliability reliable reminder reminders
renewal renewals reopen replies reply report reporting reports request requested requests requirements reset
resolution resolve resolved resources respond response responses responsive results review reviews roadmap role roles
room rude rules sales satisfied satisfying save saved saves savings scalability scale schedule scheduled schedules
scheduling screen screens search seat seats section secure security send sending server servers service services
session settings setup share shared sharing shipping shop shortcuts sign simple simplicity simply site sites skills
slow slower sluggish small software solid solution solutions solve solved solving speed spreadsheet spreadsheets
stability stable staff standard started status steps storage strategy strong structure stuck subscription
subscriptions success suggestion suggestions summary supplier suppliers support supported supporting surprise
surprised survey surveys switch switched switching sync synchronization system systems table tables tablet tablets
tags tariff task tasks tax team teams technical technology template templates terms terrible test testing text ticket
tickets time timeline timely times timezone together tool tools topic tracking traffic training transfer translation
transparency transparent trial trouble tutorial tutorials unclear understand unfriendly unhappy unreliable
unresponsive unstable unusable update updated updates upgrade upgraded upgrades upload uploads urgent usability usable
usage useful useless user users value vendor vendors version versions video videos view views visibility waiting
warehouse warning warnings weak website week weekly weeks welcome wizard wonderful work worked workflow workflows
working workload works workshop workshops worse worst wrong year yearly years
"""
_GERMAN = """
abrechnung abstürze abwicklung aktualisierung anbieter anbindung anfrage anfragen angebot anmeldung anpassung
ansprechpartner antwort antworten antwortzeit anwendung arbeit aufgaben ausfall ausfälle auswertung auswertungen
bearbeitung bedienung benutzer benutzerfreundlich benutzung beratung bericht berichte beschwerde betreuung budget
daten datenschutz dokumentation einarbeitung einfach einführung einrichtung einstellungen erfahrung ergebnis fehlen
fehler fehlerhaft fehlt filter freundlich funktion funktionen funktioniert geld geschwindigkeit gut gute handbuch
hilfe hilfreich hilfsbereit hotline instabil installation integration intuitiv jahr jährlich kalender kaputt
kommunikation kompliziert konto kosten kunde kunden kundendienst kundenservice kündigung langsam leistung lizenz
lizenzen lösung lösungen mitarbeiter monat monate monatlich nachricht nutzen nutzer nutzung oberfläche oberflächlich
passwort performance planung preis preise preiserhöhung preiswert problem probleme produkt projekt projekte qualität
rabatt rechnung rechnungen rückmeldung schlecht schnell schnelle schnittstelle schnittstellen schulung schulungen
schwierig service sicherheit software stabil stabilität support system tage tarif teuer ticket tickets umstellung
umständlich unfreundlich unklar unterstützung unzufrieden unzuverlässig update updates verbesserung verfügbarkeit
vertrag verträge verzögerung vorlagen wartezeit wartezeiten wartung wechsel woche wochen zahlung zeit zufrieden zugang
zusammenarbeit zuverlässig zuverlässigkeit übersicht übersichtlich
"""
OF_THE_TRADE = frozenset((_ENGLISH + _GERMAN).split())
