import '../../shared/tokens.css';
import './page.css';

import { browserSession } from 'nx-web-api';
import { mount } from 'svelte';

import App from './App.svelte';
import { knownHosts, languageOfPage, parametersOf, takePlace } from './parameters';

const place = takePlace();
const parameters = parametersOf(place, knownHosts(document));
const language = languageOfPage(place, navigator.language);
const target = document.getElementById('app');
if (target) mount(App, { target, props: { parameters, language, makeSession: browserSession } });
