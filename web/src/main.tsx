import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './app';
import './ui/theme';
import './ui/styles/base.css';
import './ui/styles/frame.css';
import './ui/styles/parts.css';
import './ui/styles/controls.css';
import './ui/styles/strip.css';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
