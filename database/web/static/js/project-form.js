// What is asked and said of projects, in their list and on their pages.

import { post } from "./api.js";
import { askForm } from "./forms.js";

const STATUS = [["planned", "planned"], ["active", "active"], ["on_hold", "on hold"], ["completed", "completed"]];
export const ROLES = [["lead", "lead"], ["member", "member"], ["viewer", "only looks on"]];

export const statusWord = (status) => STATUS.find(([key]) => key === status)?.[1] ?? status;

const fields = (project) => [
  { name: "name", label: "Name", kind: "text", value: project.name, hint: project.id ? "Scripts name it so: a scan that is made under the old name is not this project's." : "As scripts will name it in ScanSettings." },
  { name: "status", label: "Status", kind: "choice", value: project.status, choices: STATUS, hint: "For people to read." },
  { name: "description", label: "Description", kind: "prose", value: project.description },
];

export function askNewProject() {
  const lead = { name: "lead", label: "Who runs its scans", kind: "yes", value: "false", choices: [["false", "every operator"], ["true", "its members alone; I lead it"]] };
  return askForm({ title: "New project", fields: [...fields({ name: "", status: "active", description: "" }), lead], yes: "Make it", submit: (values) => post("/api/projects", values) });
}

/** Only what was changed is sent: somebody else may be at another field. */
export function askProject(project, address) {
  const changed = (values) => Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== project[name]));
  return askForm({ title: `Edit ${project.name}`, fields: fields(project), yes: "Save", submit: (values) => post(address, changed(values)) });
}
