"""What is measured: for each row of the table the requests that are sent over and over."""
import os
import random
from collections import namedtuple

import members as people
from client import Request

CHOSEN = 50        # members who read and like
MIXED = 6000       # requests of the mix before it begins again
COMPOSED = 4000    # different posts

# `requests` are sent in turn. `writes`: they cause events, whose handling belongs to their cost.
Row = namedtuple("Row", "name words requests writes")


class Community:
    """Who is there, logged in, and what they see. `names`: handles of the graph's members; `deeplink`: the words
    of the site's command."""

    def __init__(self, client, deeplink, names, authors, followers, posts_each):
        self.client = client
        self.deeplink = deeplink
        self.writer = people.Writer(1, names)
        self.rng = random.Random(2)
        self.members = people.log_in(client, names)
        self.authors = people.log_in(client, authors)
        self.followers = people.log_in(client, followers)
        everybody = self.members + self.authors + self.followers
        self.n_posts, self.posting_s = people.write_posts(client, everybody, posts_each, self.writer)

    def look_around(self):
        """Chooses who reads and what; posts must have arrived in the timelines."""
        full = people.full_homes(self.client, self.members)
        if len(full) < CHOSEN:
            raise SystemExit(f"bench: only {len(full)} members have {people.PER_HOME} posts at home")
        self.n_full = len(full)
        chosen = self.rng.sample(full, CHOSEN)
        self.chosen = [member for member, _ in chosen]
        self.tokens = [people.token(self.deeplink, member) for member in self.chosen]
        self.seen = [(member, post) for member, posts in chosen for post in posts
                     if not post.path.startswith(f"/@{member.handle}/")]
        # Threads that people saw, each another one, with a few comments.
        threads = {post.id: post for _, post in self.seen}
        self.threads = self.rng.sample(sorted(threads.values()), CHOSEN)
        people.comment_on(self.client, self.members, self.threads, 3, self.writer)
        self.rng.shuffle(self.seen)


def mix(community):
    """The mix of the DeathStarBench social network: 60 % home, 30 % somebody's profile, 10 % a new post."""
    rng, requests = community.rng, []
    for i in range(MIXED):
        member = rng.choice(community.members)
        if i % 10 < 6:
            requests.append(Request("/", member.cookie, kind=0))
        elif i % 10 < 9:
            requests.append(Request(f"/@{rng.choice(community.members).handle}", member.cookie, kind=1))
        else:
            requests.append(people.compose(member, community.writer.text(), kind=2))
    rng.shuffle(requests)
    return requests


def all_rows(community):
    chosen, threads = community.chosen, community.threads
    likes = [people.react(member, post, "like") for member, post in community.seen]
    unlikes = [people.react(member, post, "unlike") for member, post in community.seen]
    posts = [people.compose(community.authors[i % len(community.authors)], community.writer.text())
             for i in range(COMPOSED)]
    return [
        Row("home", "home page, signed in", [Request("/", m.cookie) for m in chosen], False),
        Row("api-home", "home timeline for programs, signed in",
            [Request("/api/v1/timelines/home", token=t) for t in community.tokens], False),
        Row("fragment", "home timeline fragment, signed in",
            [Request("/fragment/home", m.cookie) for m in chosen], False),
        Row("profile-anonymous", "profile page, anonymous",
            [Request(f"/@{m.handle}") for m in chosen], False),
        Row("profile", "profile page, signed in",
            [Request(f"/@{other.handle}", m.cookie) for m, other in zip(chosen, reversed(chosen))], False),
        Row("post-anonymous", "one post, anonymous", [Request(post.path) for post in threads], False),
        Row("post", "one post, signed in",
            [Request(post.path, m.cookie) for m, post in zip(chosen, threads)], False),
        Row("media", "a picture of 60 kB that everybody may have", [Request(os.environ["BENCH_MEDIA"])], False),
        Row("like", "like, unlike", likes + unlikes, True),
        Row("compose", "new post, 50 followers", posts, True),
        Row("mix", "mix: 60 % home, 30 % profile, 10 % new post", mix(community), True),
    ]
