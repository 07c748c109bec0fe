import { PalateChat } from "./element.ts";

if (!customElements.get("palate-chat")) customElements.define("palate-chat", PalateChat);
