# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from pydantic import BaseModel


class MyRequest(BaseModel):
    prompt: str


class LoudModel:
    def generate(self, prompt: str) -> dict[str, str]:
        return {"text": prompt.upper()}


def load_my_model() -> LoudModel:
    return LoudModel()


# From here on word for word what the authors of the architecture write.
# fmt: off
from core.base_service import BaseService


class MyModelService(BaseService):
    def __init__(self):
        super().__init__(name="mymodel", port=8004)
    async def initialize(self):                      # load the model
        self.model = load_my_model()
    def create_app(self):                            # FastAPI routes on self.app
        @self.app.post("/v1/mymodel/generate")
        async def generate(request: MyRequest):
            return self.model.generate(request.prompt)

if __name__ == "__main__":
    MyModelService().run()
