"""The people of the benches: they log in, write and comment, all by the forms of the pages."""
import random
import re
import subprocess
import time
from collections import namedtuple

from client import Request, cookie_of, form_token

# `cookie` and `token` are the session and what its forms carry.
Member = namedtuple("Member", "handle cookie token")
Post = namedtuple("Post", "path id")
PASSWORD = "bench the quiet harbour"
PER_HOME = 20

WORDS = """
harbour evening school garden question project signal morning library paper engine coffee market
station window teacher weather student bicycle workshop river bridge compiler database kitchen
lecture chorus festival printer museum theatre village mountain neighbour volunteer recipe lantern
telescope archive orchestra saddle notebook corridor reading planting measuring building repairing
writing learning walking cooking painting quietly slowly together tomorrow yesterday almost never
always often perhaps finally again outside upstairs nearby small large green early late open quiet
careful bright heavy useful honest common second third whole other same new old we they somebody
everybody nobody the a an of in on at for with from about after before between without under over
and but or so because while until when where how what was were is are has had will would could
should must found made took gave showed asked answered brought kept changed started finished moved
opened closed counted tried
""".split()
TAGS = "harbour garden books music weekend cooking tools learning cycling history".split()


class Writer:
    """Writes posts as people do: a few sentences, some with a tag, a link, somebody's name or a list."""

    def __init__(self, seed, handles):
        self.rng = random.Random(seed)
        self.handles = handles

    def sentence(self):
        words = [self.rng.choice(WORDS) for _ in range(self.rng.randint(5, 16))]
        if len(words) > 9:
            words[self.rng.randint(3, 6)] += ","
        return " ".join(words).capitalize() + self.rng.choice("....!?")

    def text(self, sentences=None):
        chance = self.rng.random
        parts = [self.sentence() for _ in range(sentences or self.rng.choice([1, 1, 2, 2, 3, 3, 4, 6]))]
        if chance() < 0.08:
            parts.insert(0, f"@{self.rng.choice(self.handles)}")
        if chance() < 0.12:
            parts.append(f"https://www.example.org/{self.rng.choice(WORDS)}/{self.rng.randint(1000, 99999)}")
        if chance() < 0.25:
            parts.append(f"#{self.rng.choice(TAGS)}")
        text = " ".join(parts)
        if chance() < 0.1:
            text += "\n\n" + "\n".join(f"- {self.sentence()}" for _ in range(3))
        if chance() < 0.1:
            text = text.replace(" and ", " *and* ", 1) + " **" + self.sentence() + "**"
        return text


def compose(member, text, kind=0, **more):
    form = {"csrf": member.token, "return_to": "/", "text": text, "warning": "", "audience": "public", **more}
    return Request("/posts", member.cookie, form, kind)


def react(member, post, what, kind=0):
    return Request(f"/posts/{post.id}/{what}", member.cookie, {"csrf": member.token, "return_to": "/"}, kind)


def token(deeplink, member):
    """What a program of this member shows."""
    command = [*deeplink, "user", "token", member.handle, "--scopes", "read"]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


def log_in(client, handles):
    """Each by the form: its page, the form sent, and the home page, whose token their further forms carry."""
    pages = client.ask([Request("/login") for _ in handles])
    forms = []
    for handle, page in zip(handles, pages):
        form = {"csrf": form_token(page), "login": handle, "password": PASSWORD, "return_to": "/"}
        forms.append(Request("/login", cookie_of(page, "pre") or "", form))
    cookies = [cookie_of(answer, "sid") for answer in client.ask(forms)]
    inside = [(h, c) for h, c in zip(handles, cookies) if c is not None]
    if len(inside) < len(handles):
        print(f"bench: {len(handles) - len(inside)} of {len(handles)} members could not log in")
    homes = client.ask([Request("/", c) for _, c in inside])
    members = [Member(h, c, form_token(home)) for (h, c), home in zip(inside, homes)]
    members = [m for m in members if m.token is not None]
    if not members:
        raise SystemExit("bench: nobody could log in")
    return members


def write_posts(client, members, each, writer):
    requests = [compose(m, writer.text()) for m in members for _ in range(each)]
    writer.rng.shuffle(requests)
    began = time.monotonic()
    said = client.run(client.write("posts", requests), "-1")
    errors = sum(said["errors"].values())
    if errors > 0:
        print(f"bench: {errors} of {len(requests)} posts could not be written")
    return len(requests), time.monotonic() - began


def posts_in(fragment):
    found = re.findall(r'href="?(/@\w+/(\d+))[" >]', fragment)
    return list(dict.fromkeys(Post(path, id_) for path, id_ in found))


def count_posts(fragment):
    return len(re.findall(r"<article\b", fragment))


def full_homes(client, members):
    """Those whose home timeline has a whole page of posts, with these posts."""
    answers = client.ask([Request("/fragment/home", m.cookie) for m in members])
    return [(m, posts_in(a.body)) for m, a in zip(members, answers) if a and count_posts(a.body) >= PER_HOME]


def comment_on(client, members, posts, each, writer):
    requests = [compose(writer.rng.choice(members), writer.text(1), in_reply_to=post.id) for post in posts
                for _ in range(each)]
    client.run(client.write("comments", requests), "-1")
