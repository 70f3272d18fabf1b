// Who is in a project: shown, and changed by those who lead it.

import { get, path, post } from "./api.js";
import { byId, fill, h, icon, setText } from "./dom.js";
import { askForm } from "./forms.js";
import { absolute } from "./format.js";
import { change } from "./lab-things.js";
import { ask, toast } from "./notices.js";
import { ROLES } from "./project-form.js";

const nameOf = (person) => person.full_name || person.username;
const roleWord = (role) => ROLES.find(([key]) => key === role)?.[1] ?? role;

export class Members {
  /** @param show gets the project that comes back */
  constructor(show) {
    this.show = show;
    byId("member-add").addEventListener("click", () => void this.add());
  }

  draw(project) {
    this.project = project;
    byId("member-add").hidden = !project.may_lead;
    fill(byId("project-members"), project.members.map((one) => this.row(one)));
    const none = project.members.length === 0;
    setText(byId("members-note"), none ? "Nobody yet: every operator may run its scans." : "Only leads and members run its scans; everybody may look, pause and abort.");
  }

  row(member) {
    const who = h("span", { class: "grow cut", title: `${member.username}, since ${absolute(member.since)}` }, nameOf(member), member.archived && h("span", { class: "tag quiet" }, "has left"));
    if (!this.project.may_lead) return h("li", {}, who, h("span", { class: "muted" }, roleWord(member.role)));
    const role = h("select", { class: "form-select small", "aria-label": `Role of ${nameOf(member)}` }, ROLES.map(([key, word]) => h("option", { value: key, selected: key === member.role }, word)));
    role.addEventListener("change", () => void this.changeRole(member, role.value));
    const out = h("button", { type: "button", class: "button small quiet", title: `Take ${nameOf(member)} out of the project`, "aria-label": `Take ${nameOf(member)} out of the project`, on: { click: () => void this.remove(member) } }, icon("x"));
    return h("li", {}, who, role, out);
  }

  address(...more) {
    return path("project", this.project.id, ...more);
  }

  async changeRole(member, role) {
    try {
      this.show(await post(this.address("member", member.user_id), { role }));
    } catch (error) {
      toast(error.message, { error: true });
      this.draw(this.project);
    }
  }

  async remove(member) {
    const last = this.project.members.length === 1;
    const text = last ? "Nobody is left in it then: every operator may run its scans." : "They can look at everything, but run no scan of it any more.";
    if (await ask({ title: `Take ${nameOf(member)} out of ${this.project.name}?`, text, yes: "Take out" })) await change(this.address("member", member.user_id, "remove"), this.show);
  }

  async add() {
    let people;
    try {
      people = await get("/api/people");
    } catch (error) {
      toast(error.message, { error: true });
      return;
    }
    const there = new Set(this.project.members.map((one) => one.user_id));
    const others = people.filter((one) => !there.has(one.user_id));
    if (others.length === 0) {
      toast("Everybody of the laboratory is in this project already.");
      return;
    }
    const words = (person) => (person.full_name ? `${person.full_name} (${person.username})` : person.username);
    const told = await askForm({
      title: "Add a member", yes: "Add",
      text: there.size === 0 ? "From the first member on only leads and members run its scans." : "",
      fields: [
        { name: "username", label: "Who", kind: "choice", value: others[0].username, choices: others.map((one) => [one.username, words(one)]) },
        { name: "role", label: "Role", kind: "choice", value: there.size === 0 ? "lead" : "member", choices: ROLES, hint: "A lead changes the project and its members; leads and members run its scans." },
      ],
      submit: (values) => post(this.address("members"), values),
    });
    if (told) this.show(told);
  }
}
