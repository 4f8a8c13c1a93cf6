"""守望 Shouwang: a city's child-protection plan, drawn as BPMN diagrams, that runs."""
