import { mount } from "svelte";
import "./app.css";
import App from "./App.svelte";
import { App as State } from "./app.svelte";
import { applyTheme, storedTheme } from "./theme";

applyTheme(storedTheme());
const app = new State();
const target = document.getElementById("app");
if (!target) throw new Error("expected an element with the id `app` in the page");
mount(App, { target, props: { app } });
app.start();
