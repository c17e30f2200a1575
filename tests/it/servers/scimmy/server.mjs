// A SCIM server of the tests: scimmy with its routers, and users in memory. Arguments: the port and the token.
import { randomUUID } from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const [, , port, token] = process.argv;
const users = new Map();

function write(resource, data) {
    const key = data.userName.toLowerCase();
    for (const [id, other] of users) {
        if (id !== resource.id && other.userName.toLowerCase() === key) {
            throw new SCIMMY.Types.Error(409, "uniqueness", `userName ${data.userName} is in use`);
        }
    }
    const id = resource.id ?? randomUUID();
    if (resource.id && !users.has(id)) {
        throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
    }
    const now = new Date().toISOString();
    const user = JSON.parse(JSON.stringify(data));
    const created = users.get(id)?.meta.created ?? now;
    users.set(id, { ...user, id, meta: { ...user.meta, created, lastModified: now } });
    return users.get(id);
}

function read(resource) {
    if (!resource.id) {
        return [...users.values()];
    }
    if (!users.has(resource.id)) {
        throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
    }
    return users.get(resource.id);
}

SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser);
SCIMMY.Resources.declare(SCIMMY.Resources.User)
    .ingress(write)
    .egress(read)
    .degress((resource) => {
        read(resource);
        users.delete(resource.id);
    });

const app = express();
app.use((request, response, next) => {
    response.on("finish", () => console.log(`"${request.method} ${request.originalUrl} HTTP/1.1" ${response.statusCode}`));
    next();
});
app.use("/scim/v2", new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
        if (request.header("Authorization") !== `Bearer ${token}`) {
            throw new Error("Authorization failure");
        }
        return "tester";
    },
}));
app.listen(Number(port), "127.0.0.1");
