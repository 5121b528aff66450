// Editing shortcuts of R for the classic notebook, which loads this file with an R kernel and calls
// `onload`. JupyterLab and Notebook 7 do not read it.
define(["base/js/namespace"], function (Jupyter) {
  "use strict";

  const insertions = [
    { name: "insert-assignment", keys: "Alt--", text: " <- ", icon: "fa-long-arrow-left" },
    { name: "insert-pipe", keys: "Cmdtrl-Shift-M", text: " %>% ", icon: "fa-angle-right" },
  ];

  // "Cmdtrl" is the notebook's word for Cmd on macOS and Ctrl elsewhere.
  function bind(keyboard, { name, keys, text, icon }) {
    const action = {
      icon,
      help: `insert${text}(R)`,
      help_index: "zz", // after the notebook's own shortcuts
      handler: () => Jupyter.notebook.get_selected_cell().code_mirror.replaceSelection(text),
    };
    const registered = keyboard.actions.register(action, name, "docker-r");
    keyboard.edit_shortcuts.add_shortcut(keys, registered);
  }

  return {
    onload() {
      insertions.forEach((insertion) => bind(Jupyter.keyboard_manager, insertion));
    },
  };
});
