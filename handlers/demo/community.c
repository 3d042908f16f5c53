#include "handlers/demo/community.h"

const struct demo_member demo_members[] = {
    {"ada", "Ada Lindqvist", "Keeps the servers of the harbour school running",
     "Sysadmin at the **harbour school**. Postgres, pipes and patience.\n\nAsk me about backups. Please ask me about backups.",
     "admin"},
    {"kofi", "Kofi Mensah", "Teaches physics; builds telescopes on weekends",
     "Physics teacher. I run the Thursday #astronomy evenings on the school roof.", "moderator"},
    {"mirela", "Mirela Ionescu", "Wooden boats, restored slowly",
     "Boatbuilder. Thirty years of oak and larch. I answer in the evening.", "member"},
    {"jun", "林 淳 Jun Hayashi", "Embedded engineer, tide gauges",
     "I build small things that survive salt water. #embedded #openhardware", "member"},
    {"salma", "Salma Haddad", "Marine biologist, plankton counter",
     "مرحبا. I count what is too small to see. Data is open: ask for it.", "member"},
    {"tomasz", "Tomasz Zieliński", "Carpenter, workshop host at the old ropery",
     "The workshop is open on Tuesdays. Bring gloves.", "member"},
    {"ines", "Inês Carvalho", "Product designer, forms that people finish",
     "I design forms. Someone has to love them.", "member"},
    {"bo", "Bo Ferreira-Lang", "Apprentice electrician", "Second year. Writing down what I learn.", "member"},
    {"greta", "Greta Olsen", "Harbour master (retired), local history",
     "I knew every ship by its sound. Now I write the chronicle.", "member"},
    {"idris", "Idris Okafor", "Data engineer at the tram company",
     "Timetables are a data structure. #data #transit", "member"},
    {"yuki", "Yuki Tanabe", "Paper, letterpress and a loud old press", "Printer's devil. #letterpress",
     "member"},
    {"noor", "Noor van Dijk", "Community gardener, seed library",
     "Our seed library lends 240 varieties. Return what grew.", "member"},
};
const size_t demo_n_members = sizeof demo_members / sizeof *demo_members;

const struct demo_post demo_posts[] = {
    /* 0 */ {"greta", 190,
             "In 1911 this harbour had forty-one cranes and one telephone. I found the telephone.", NULL, -1,
             "ada kofi mirela yuki tomasz"},
    /* 1 */
    {"tomasz", 168,
     "The long bench in the ropery is planed, oiled and level to half a millimetre over six metres. Come and use it.\n\n"
     "- Tuesdays from five\n- gloves and glasses are there\n- coffee is not, bring some",
     NULL, -1, "mirela bo yuki noor"},
    /* 2 */ {"bo", 166, "I'll bring coffee. How many are we usually?", NULL, 1, "tomasz"},
    /* 3 */ {"tomasz", 165, "Eight or nine. Make it a big pot, @bo.", NULL, 2, "bo"},
    /* 4 */
    {"salma", 150,
     "This week's plankton count is out: copepods up by a third against last November, diatoms about the same. The whole "
     "table is open, as always. #opendata #harbour",
     NULL, -1, "jun kofi idris noor greta"},
    /* 5 */
    {"idris", 149,
     "May I join it with water temperature? I have ten years of it from the tram bridge sensors.", NULL, 4,
     "salma jun"},
    /* 6 */ {"salma", 147, "Yes! That is exactly the column I never had.", NULL, 5, "idris jun"},
    /* 7 */
    {"jun", 146, "Mind the gap in 2021: the sensor sat in the mud for six weeks and measured mud.", NULL, 5,
     "idris salma kofi"},
    /* 8 */
    {"kofi", 122,
     "Clear sky on Thursday. We open the roof at **20:00** and look at the Pleiades, then at whatever you ask for. Children "
     "welcome; bring a hat. #astronomy",
     NULL, -1, "ada ines greta noor salma"},
    /* 9 */ {"noor", 121, "Two small astronomers and I will be there.", NULL, 8, "kofi"},
    /* 10 */
    {"ines", 98,
     "I shortened a form from fourteen questions to five. Completion went from 61 % to 94 %, and nobody has missed the nine. "
     "Ask yourself of each question: *what would we do differently?*",
     NULL, -1, "ada idris kofi yuki bo tomasz"},
    /* 11 */
    {"ada", 97, "Can you do the same with our holiday request form? It asks for a fax number.", NULL, 10,
     "ines idris"},
    /* 12 */ {"ines", 96, "Consider it done, and thank you for the laugh.", NULL, 11, "ada"},
    /* 13 */
    {"mirela", 75,
     "The sloop's new garboard is in. Larch, steamed for an hour and a quarter, and bent before anybody had time to think.\n\n"
     "She floats again in spring.",
     NULL, -1, "greta tomasz kofi jun"},
    /* 14 */
    {"greta", 74,
     "Her builder was my grandfather's neighbour. He would have grumbled and come every day to look.", NULL,
     13, "mirela tomasz"},
    /* 15 */
    {"yuki", 52,
     "Printed 300 tide tables today. Hand-set, two colours, and only one finger caught. #letterpress", NULL,
     -1, "jun greta mirela ines"},
    /* 16 */
    {"jun", 51, "The numbers are mine, so if you are early at the pier, blame me and not the typesetter.",
     NULL, 15, "yuki"},
    /* 17 */
    {"bo", 44, "Spider found in a junction box. Large. We both left.", "Spiders", -1, "noor ines tomasz"},
    /* 18 */
    {"ada", 30,
     "Restored last night's backup onto an empty machine, as every month: 11 minutes, every checksum right. A backup that you "
     "have not restored is a rumour. #sysadmin",
     NULL, -1, "idris jun ines kofi"},
    /* 19 */ {"idris", 29, "\"A rumour\" goes on the wall of our office.", NULL, 18, "ada"},
    /* 20 */
    {"noor", 22,
     "The seed library is open for winter orders. Broad beans go first, so write soon. We also look for somebody who can teach "
     "an evening about soil. #garden",
     NULL, -1, "salma greta bo"},
    /* 21 */
    {"idris", 14,
     "Small joy: the night tram timetable fits into 2 kB if you store only the exceptions.\n\n"
     "`departure = base + 20 min * n`, and 61 exceptions a year. #data",
     NULL, -1, "jun ada"},
    /* 22 */
    {"jun", 9,
     "New tide gauge board, revision C. Open design, runs 14 months on two cells, survives being sat on by a seal (tested, not "
     "on purpose). #openhardware #embedded",
     NULL, -1, "ada idris salma bo mirela"},
    /* 23 */
    {"bo", 8, "Could a second-year apprentice help with soldering? I want to learn surface mount.", NULL, 22,
     "jun tomasz"},
    /* 24 */
    {"jun", 7, "Gladly. Saturday at ten, in the ropery. I bring boards, you bring patience.", NULL, 23,
     "bo tomasz ada"},
    /* 25 */
    {"kofi", 3,
     "Somebody asked on the roof why the sky is dark at night. That is the best question there is. Answers below, "
     "no equations, please. #astronomy",
     NULL, -1, "salma ines"},
    /* 26 */
    {"greta", 2, "Because the harbour lamps were put out at eleven. At least that is what my mother said.",
     NULL, 25, "kofi ada noor"},
    /* 27 */
    {"ada", 1,
     "Welcome to everybody who joined this week. Say hello to @greta, ask @kofi for a look at Jupiter, and tell me "
     "when something is slow.",
     NULL, -1, "kofi greta ines noor"},
};
const size_t demo_n_posts = sizeof demo_posts / sizeof *demo_posts;

const struct demo_follow demo_follows[] = {
    {"ada", "kofi jun idris ines greta salma"},
    {"kofi", "ada salma greta noor jun"},
    {"mirela", "tomasz greta yuki jun"},
    {"jun", "ada idris salma mirela bo yuki"},
    {"salma", "kofi jun idris noor"},
    {"tomasz", "mirela bo yuki greta"},
    {"ines", "ada kofi yuki idris bo"},
    {"bo", "tomasz jun ines kofi"},
    {"greta", "mirela kofi ada noor tomasz yuki"},
    {"idris", "ada jun salma ines"},
    {"yuki", "mirela jun ines greta"},
    {"noor", "kofi salma greta bo ada"},
};
const size_t demo_n_follows = sizeof demo_follows / sizeof *demo_follows;
