// What comes before every test file: the client's one setting, and the built library for tests that ask for its source.
"use strict";

const Module = require("module");
const asana = require("asana");

asana.ApiClient.instance.basePath = process.env.VINYASA_API;

// The tests that the package ships load `../../src/index`, which is written for a compiler. What the package gives to
// everybody else, its `main`, is that source compiled.
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
    return resolve.call(this, request === "../../src/index" ? "asana" : request, ...rest);
};
