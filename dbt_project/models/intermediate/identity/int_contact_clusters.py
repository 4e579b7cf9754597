"""Contacts of one person, where links and conflicts contradict each other within a component.

Links are taken from the strongest down, and one that would bring two conflicting contacts together is left out
(greedy agglomerative clustering with cannot-link constraints), so a contact between two persons joins the better one
and an operator's 'different' separates whatever chain of links there is.
"""


def clusters(links, conflicts):
    """Group contacts by links without ever joining a conflict.

    Args:
        links: Tuples (contact_id_a, contact_id_b), strongest first.
        conflicts: Tuples of contact ids that must not meet.

    Returns:
        The smallest contact id of its cluster for each contact in a link.
    """
    home, enemies = {}, {}
    for a, b in links:
        home.setdefault(a, {a})
        home.setdefault(b, {b})
    for a, b in conflicts:
        enemies.setdefault(a, set()).add(b)
        enemies.setdefault(b, set()).add(a)
    for a, b in links:
        one, other = home[a], home[b]
        if one is other or any(not other.isdisjoint(enemies[contact]) for contact in one if contact in enemies):
            continue
        small, large = sorted((one, other), key=len)
        large |= small
        for contact in small:
            home[contact] = large
    return {contact: min(members) for contact, members in home.items()}


def model(dbt, session):
    """Grain: a contact of a component that has a conflict in it."""
    dbt.config(materialized="table")
    conflicts = dbt.ref("int_contact_conflicts")
    components = dbt.ref("int_contact_components")
    links = (
        dbt.ref("int_contact_pairs")
        .filter("is_link")
        .join(components.set_alias("c"), "contact_id_a = c.contact_id")
        .join(conflicts.project("component_id").distinct().set_alias("x"), "c.component_id = x.component_id", "semi")
        .order("score desc, contact_id_a, contact_id_b")
        .project("contact_id_a, contact_id_b")
        .fetchall()
    )
    rows = sorted(clusters(links, conflicts.project("contact_id_a, contact_id_b").fetchall()).items())
    return session.sql(
        "select unnest($contacts::varchar[]) as contact_id, unnest($clusters::varchar[]) as cluster_id",
        params={"contacts": [row[0] for row in rows], "clusters": [row[1] for row in rows]},
    )
